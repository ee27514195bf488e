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
}

export interface Parts {
  readonly server: Server
  readonly place: Place
  readonly proxy: Proxy
  readonly accounts: readonly [Account, Account]
}

/** Makes what a stage stands on. The server allows this many sessions. */
export async function setUp(access: ServerAccess, sessions: number): Promise<Parts> {
  const server = await access.connectServer()
  const place = await server.createPlace({ sessions })
  const { host, port } = place
  const proxy = await startProxy({ host, port, isGoodbye: (chunk) => access.isGoodbye(chunk) })
  const accounts = [await place.createAccount(), await place.createAccount()] as const
  return { server, place, proxy, accounts }
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
  readonly #accounts: [Account, Account]

  constructor({ server, place, proxy, accounts }: Parts, clock?: Clock) {
    this.#server = server
    this.place = place
    this.proxy = proxy
    this.#accounts = [...accounts]
    this.store.publish(this.account)
    this.credentials = createCredentials(this.store.source, {
      overlap: 60 * 60_000,
      clock: clock ?? this.clock,
      random: () => 0.5,
    })
  }

  /** Where clients connect: the proxy. */
  get address(): Address {
    return { host: this.proxy.host, port: this.proxy.port, database: this.place.database }
  }

  /** The account that is published. */
  get account(): Account {
    return this.#accounts[0]
  }

  /** The account that was published before, and is the next one to be used. */
  get other(): Account {
    return this.#accounts[1]
  }

  /** Gives the other account a new password and makes it the one to publish. */
  async renew(): Promise<Account> {
    const next = await this.place.rotate(this.other)
    this.#accounts.reverse()
    this.#accounts[0] = next
    return next
  }

  /** A whole rotation as an operator does it: a new password for the other account, then into the store; noticed at once. */
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
