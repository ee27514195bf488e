import { poolTimings } from './budget.ts'
import type { CredentialsCache } from './cache.ts'
import type { Timer } from './clock.ts'
import type { Credentials } from './credentials.ts'
import type { Login } from './login.ts'
import { Logins } from './logins.ts'
import type { RotationOptions } from './rotation-driver.ts'
import { nextReplacement } from './schedule.ts'

/** What can be set of a rotation in a pool that is not ours. */
export type TheirRotation = Pick<RotationOptions, 'spread' | 'drainDeadline' | 'maxRefusals'>

export interface TheirPoolOptions {
  /** The pool's name in diagnostics. */
  readonly name: string
  /** The most connections that it opens. */
  readonly max: number
  readonly rotation: TheirRotation
  /** Opens a connection, which begins at once, logs in and leaves: in a quiet pool nobody else would. False where it cannot. */
  prove(): boolean
}

/** One connection of such a pool, from the moment when it wants a slot until its socket is closed. */
export interface TheirConnection {
  /** One login; a further one after that was accepted or cancelled, where the connection has not been it. */
  login(): Pick<Login, 'next' | 'accepted' | 'refused' | 'cancel'>
  /** Whether this version was accepted the last time that it was tried. */
  works(version: string): boolean
  /** It logs in with these. */
  tag(credentials: Credentials): void
  /** It says goodbye. */
  closing(): void
  /** Its socket is closed, or it never got one. */
  closed(): void
  /** Whether it is to be closed now. Only for one that nobody holds. */
  leaves(): boolean
}

/** Milliseconds after which a socket that does not close is destroyed, so that a dead peer cannot hold a slot. */
const closeDeadline = 10_000

/**
 * The connections of a pool that is not ours: it opens them through us, lends them, and asks of each that nobody holds
 * whether it is to leave. They leave one at a time, at the rotation's pace, after one login with the newest version has
 * succeeded; a new one waits while another one's socket closes, so that the pool keeps its ceiling.
 */
export class TheirPool {
  /** When the last old connection should have left, in milliseconds from when the new version was proven. */
  readonly lifetime: number
  readonly #credentials: CredentialsCache
  readonly #options: TheirPoolOptions
  readonly #logins: Logins
  /** The version that each has read, from its dial until its socket is closed. */
  readonly #versions = new Map<TheirConnection, string>()
  /** Those that have a socket, or are about to. */
  readonly #dialled = new Set<TheirConnection>()
  readonly #closing = new Set<TheirConnection>()
  readonly #waiting = new Map<TheirConnection, () => void>()
  #lastAt = 0
  #spreadEnd = 0
  /** On its way out so that a login with the newest version finds room. */
  #makesRoom: TheirConnection | undefined
  #isProving = false
  /** Ours, which their pool does not count. */
  #prover: TheirConnection | undefined

  /** @throws {RekeyError} `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. */
  constructor(credentials: CredentialsCache, options: TheirPoolOptions) {
    const { spread, drainDeadline } = poolTimings(credentials.timings, options.rotation)
    this.lifetime = spread + drainDeadline
    this.#credentials = credentials
    this.#options = options
    this.#logins = new Logins(credentials, {
      pool: options.name,
      callersProve: true,
      maxRefusals: options.rotation.maxRefusals,
      onProven: () => {
        this.#lastAt = credentials.clock.now()
        this.#spreadEnd = this.#lastAt + spread
      },
    })
  }

  /** Begins a connection. @param destroy Destroys its socket, if it has one. */
  begin(destroy: () => void): TheirConnection {
    let timer: Timer | undefined
    let isClosed = false
    const connection: TheirConnection = {
      login: () => {
        const login = this.#logins.start('caller')
        return {
          next: (onTurn, onGiveUp) => this.#enter(connection, () => login.next(onTurn, onGiveUp)),
          accepted: () => login.accepted(),
          refused: (error, refusal) => login.refused(error, refusal),
          cancel: () => login.cancel(),
        }
      },
      works: (version) => this.#logins.works(version),
      tag: ({ version }) => void this.#versions.set(connection, version),
      closing: () => {
        if (isClosed) return
        this.#closing.add(connection)
        timer ??= this.#credentials.clock.after(closeDeadline, destroy)
      },
      closed: () => {
        isClosed = true
        timer?.cancel()
        this.#closed(connection)
      },
      // One that has died in its holder's hands makes no room when it is given back.
      leaves: () => !isClosed && this.#leaves(connection),
    }
    if (this.#isProving) this.#prover = connection
    return connection
  }

  #leaves(connection: TheirConnection): boolean {
    const { current } = this.#credentials
    if (current === undefined || this.#versions.get(connection) === current.version) return false
    if (this.#closing.size > 0) return false
    this.#logins.adopt(current)
    const isFree = this.#logins.works(current.version)
      ? this.#isDue(current)
      : this.#makeRoom(connection)
    if (!isFree) return false
    this.#lastAt = this.#now
    this.#closing.add(connection)
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
  #makeRoom(connection: TheirConnection): boolean {
    if (this.#now < (this.#logins.probeAt() ?? Infinity)) return false
    if (this.#dialled.size < this.#options.max && this.#prove()) return false
    this.#makesRoom = connection
    return true
  }

  #prove(): boolean {
    this.#isProving = true
    try {
      return this.#options.prove()
    } finally {
      this.#isProving = false
    }
  }

  /** Dials at once, unless the pool stands at its ceiling because of one that is still closing, or is ours. */
  #enter(connection: TheirConnection, dial: () => void): void {
    const waits =
      !this.#dialled.has(connection) &&
      this.#dialled.size >= this.#options.max &&
      (this.#closing.size > 0 || this.#prover !== undefined)
    if (waits) return void this.#waiting.set(connection, dial)
    this.#dialled.add(connection)
    dial()
  }

  #closed(connection: TheirConnection): void {
    this.#versions.delete(connection)
    this.#dialled.delete(connection)
    this.#closing.delete(connection)
    this.#waiting.delete(connection)
    if (this.#prover === connection) this.#prover = undefined
    const hasMadeRoom = this.#makesRoom === connection
    if (hasMadeRoom) this.#makesRoom = undefined
    const [next] = this.#waiting
    if (next !== undefined) {
      this.#waiting.delete(next[0])
      this.#enter(...next)
    } else if (hasMadeRoom && this.#dialled.size < this.#options.max) this.#prove()
  }
}
