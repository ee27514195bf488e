import { createCredentials, type Clock, type CredentialsCache } from '@rekey/core'
import { VirtualClock } from '../../packages/core/test/virtual-clock.ts'
import { startProxy, type Proxy } from '../servers/proxy.ts'
import type { Account, Place, Server } from '../servers/server.ts'
import type { Address } from './adapter.ts'
import { Store } from './store.ts'

/** How to come by a server, and how to read its wire. */
export interface ServerAccess {
  connectServer(): Promise<Server>
  /** Whether a client says goodbye to the server with this. */
  isGoodbye(chunk: Buffer): boolean
  /** The server's unix socket, where clients are to come that way. */
  socketPath?(): Promise<string>
  /**
   * Where a stage is to have one account, which gets a new password beside the one that it has. Without it two accounts
   * take turns.
   */
  readonly retain?: (place: Place, account: Account) => Promise<Account>
}

export interface Parts {
  readonly server: Server
  readonly place: Place
  readonly proxy: Proxy
  readonly accounts: readonly [Account, Account]
  /** Gives the one account, where there is one, its next password. */
  readonly retain?: (account: Account) => Promise<Account>
}

/** Makes what a stage stands on. The server allows this many sessions. */
export async function setUp(access: ServerAccess, sessions: number): Promise<Parts> {
  const server = await access.connectServer()
  const place = await server.createPlace({ sessions })
  const { host, port } = place
  const proxy = await startProxy({
    ...{ host, port, socketPath: await access.socketPath?.() },
    isGoodbye: (chunk) => access.isGoodbye(chunk),
  })
  const account = await place.createAccount()
  const { retain } = access
  if (retain === undefined) {
    return { server, place, proxy, accounts: [account, await place.createAccount()] }
  }
  return { server, place, proxy, accounts: [account, account], retain: (of) => retain(place, of) }
}

/**
 * What a rotation happens on, in the test's hands: the server, two accounts, the network, the store, and the time, which
 * stands still unless the test moves it or brings another clock.
 */
export class Stage implements AsyncDisposable {
  readonly store: Store = new Store()
  readonly clock: VirtualClock = new VirtualClock()
  readonly credentials: CredentialsCache
  readonly place: Place
  readonly proxy: Proxy
  readonly #server: Server
  readonly #retain: ((account: Account) => Promise<Account>) | undefined
  #accounts: readonly [Account, Account]

  constructor({ server, place, proxy, accounts, retain }: Parts, clock?: Clock) {
    this.#server = server
    this.place = place
    this.proxy = proxy
    this.#retain = retain
    this.#accounts = accounts
    this.store.publish(this.account)
    this.credentials = createCredentials(this.store.source, {
      overlap: 60 * 60_000,
      clock: clock ?? this.clock,
      random: () => 0.5,
    })
  }

  /** Where clients connect: the proxy. */
  get address(): Address {
    const { host, port, socketPath } = this.proxy
    const { database } = this.place
    return { host, port, database, ...(socketPath !== undefined && { socketPath }) }
  }

  /** The account that is published. */
  get account(): Account {
    return this.#accounts[0]
  }

  /** What was published before; of two accounts the one that is used next. */
  get other(): Account {
    return this.#accounts[1]
  }

  /** Makes new credentials, and has them be the ones to publish. */
  async renew(): Promise<Account> {
    const next = await (this.#retain?.(this.account) ?? this.place.rotate(this.other))
    this.#accounts = [next, this.account]
    return next
  }

  /** A whole rotation as an operator does it: a new password, then into the store; noticed at once. */
  async rotate(options?: { urgent?: boolean }): Promise<string> {
    const version = this.store.publish(await this.renew())
    await this.credentials.refresh(options)
    return version
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.credentials.close()
    await this.proxy[Symbol.asyncDispose]()
    await this.place[Symbol.asyncDispose]()
    await this.#server[Symbol.asyncDispose]()
  }
}
