import {
  Logins,
  nextReplacement,
  poolTimings,
  type Credentials,
  type CredentialsCache,
  type RotationOptions,
} from '@rekey/core'
import type pg from 'pg'
import { rotatingClient } from './client.ts'
import type { ClientClass, ClientInternals } from './driver.ts'
import { checkConfig } from './options.ts'
import type { ClientLife } from './rotating-client.ts'

/** What can be set of a rotation in a pool that is not ours. */
export type TheirRotation = Pick<RotationOptions, 'spread' | 'drainDeadline'>

interface TheirPoolOptions {
  /** The class that its clients are to be a subclass of. */
  readonly Client: ClientClass
  /** The most connections that it opens. */
  readonly max: number
  readonly rotation: TheirRotation
  /** How to reach the server, for a login of our own. */
  config(): pg.ClientConfig
  onReady?(client: pg.Client): void
}

/** Milliseconds after which a socket that does not close is destroyed, so that a dead peer cannot hold a slot. */
const closeDeadline = 10_000

/**
 * The connections of a pool that is not ours: it opens them by our class, lends them, and asks of each that nobody
 * holds whether it is to leave. They leave one at a time, at the rotation's pace, after one login with the newest
 * version has succeeded; a new one waits while another one's socket closes, so that the pool keeps its ceiling.
 */
export class TheirPool {
  readonly Client: ClientClass
  /** When the last old connection should have left, in milliseconds from when the new version was proven. */
  readonly lifetime: number
  readonly #credentials: CredentialsCache
  readonly #options: TheirPoolOptions
  readonly #logins: Logins
  /** The version that each has read, from its dial until its socket is closed. */
  readonly #versions = new Map<pg.Client, string>()
  /** Those that have a socket, or are about to. */
  readonly #dialled = new Set<pg.Client>()
  readonly #closing = new Set<pg.Client>()
  readonly #waiting = new Map<pg.Client, () => void>()
  #lastAt = 0
  #spreadEnd = 0
  /** On its way out so that a login with the newest version finds room. */
  #makesRoom: pg.Client | undefined
  /** Ours, which their pool does not count. */
  #prover: pg.Client | undefined

  /** @throws {RekeyError} `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. */
  constructor(credentials: CredentialsCache, options: TheirPoolOptions) {
    const { spread, drainDeadline } = poolTimings(credentials.timings, options.rotation)
    this.lifetime = spread + drainDeadline
    this.#credentials = credentials
    this.#options = options
    this.#logins = new Logins(credentials, {
      pool: 'pg.Pool',
      callersProve: true,
      onProven: () => {
        this.#lastAt = credentials.clock.now()
        this.#spreadEnd = this.#lastAt + spread
      },
    })
    this.Client = rotatingClient(options.Client, (client, config) => {
      checkConfig(credentials, config)
      return () => this.#life(client)
    })
  }

  /** Whether a connection that nobody holds is to be closed now. */
  leaves(client: pg.Client): boolean {
    const { current } = this.#credentials
    if (current === undefined || this.#versions.get(client) === current.version) return false
    if (this.#closing.size > 0) return false
    this.#logins.adopt(current)
    if (this.#logins.works(current.version) ? !this.#isDue(current) : !this.#makeRoom(client)) {
      return false
    }
    this.#lastAt = this.#now
    this.#closing.add(client)
    return true
  }

  get #now(): number {
    return this.#credentials.clock.now()
  }

  #isDue({ version }: Credentials): boolean {
    const old = [...this.#versions.values()].filter((read) => read !== version).length
    return this.#now >= nextReplacement(this.#lastAt, this.#spreadEnd, old)
  }

  /** Has the newest version proven, which needs a slot: whether this connection has to leave for it. */
  #makeRoom(client: pg.Client): boolean {
    if (this.#now < (this.#logins.probeAt() ?? Infinity)) return false
    if (this.#dialled.size < this.#options.max) {
      this.#prove()
      return false
    }
    this.#makesRoom = client
    return true
  }

  /** Logs in once and leaves: in a quiet pool nobody else would. */
  #prove(): void {
    const client = new this.Client(this.#options.config())
    this.#prover = client
    client.on('error', () => {})
    client.connect().then(
      () => client.end(),
      () => {},
    )
  }

  #life(client: pg.Client): ClientLife {
    const { clock } = this.#credentials
    const login = this.#logins.start('caller')
    return {
      login: {
        next: (onTurn, onGiveUp) => this.#enter(client, () => login.next(onTurn, onGiveUp)),
        accepted: () => login.accepted(),
        refused: (error, refusal) => login.refused(error, refusal),
        cancel: () => login.cancel(),
      },
      tag: ({ version }) => void this.#versions.set(client, version),
      ready: () => this.#options.onReady?.(client),
      closing: () => {
        this.#closing.add(client)
        const { stream } = (client as unknown as ClientInternals).connection
        const timer = clock.after(closeDeadline, () => stream.destroy())
        stream.once('close', () => timer.cancel())
      },
      closed: () => this.#closed(client),
    }
  }

  /** Dials at once, unless the pool stands at its ceiling because of one that is still closing, or is ours. */
  #enter(client: pg.Client, dial: () => void): void {
    const waits =
      !this.#dialled.has(client) &&
      this.#dialled.size >= this.#options.max &&
      (this.#closing.size > 0 || this.#prover !== undefined)
    if (waits) return void this.#waiting.set(client, dial)
    this.#dialled.add(client)
    dial()
  }

  #closed(client: pg.Client): void {
    this.#versions.delete(client)
    this.#dialled.delete(client)
    this.#closing.delete(client)
    this.#waiting.delete(client)
    if (this.#prover === client) this.#prover = undefined
    const hasMadeRoom = this.#makesRoom === client
    if (hasMadeRoom) this.#makesRoom = undefined
    const [next] = this.#waiting
    if (next !== undefined) {
      this.#waiting.delete(next[0])
      this.#enter(...next)
    } else if (hasMadeRoom && this.#dialled.size < this.#options.max) this.#prove()
  }
}
