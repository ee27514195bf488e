import type { CredentialsCache } from './cache.ts'
import type { Credentials } from './credentials.ts'

/** Who needs a connection: somebody who waits for it, or the rotation that wants a candidate proven. */
export type LoginPurpose = 'caller' | 'probe'

/** What a refused login means: try again later, or never again with this version because trying does harm. */
export type Refusal = 'refused' | 'locked'

/** Called with the credentials to log in with. They are one snapshot: use its user and its password together. */
export type OnTurn = (credentials: Credentials) => void

/** Called instead when there is nothing left to try. The error is the server's own where it has spoken. */
export type OnGiveUp = (error: unknown) => void

/** What a login asks of its pool's {@link Logins}. */
export interface LoginEngine {
  seek(login: Login): void
  leave(login: Login): void
  accepted(credentials: Credentials, login: Login): void
  refused(credentials: Credentials, login: Login, error: unknown, refusal: Refusal): void
  failed(credentials: Credentials, login: Login): void
}

/**
 * The login of one connection. The adapter asks for its turn with {@link next}, dials with the credentials that it is
 * given, and says how it went. After `refused` it may ask for the next turn; a statement is never involved.
 */
export class Login {
  readonly purpose: LoginPurpose
  readonly #cache: CredentialsCache
  readonly #engine: LoginEngine
  #onTurn: OnTurn | undefined
  #onGiveUp: OnGiveUp | undefined
  #trying: Credentials | undefined
  /** @internal */ ended = false
  /** @internal */ lastError: unknown
  /** @internal */ blockedSince: number | undefined
  /** @internal */ lookAgainAt = 0

  constructor(cache: CredentialsCache, engine: LoginEngine, purpose: LoginPurpose) {
    this.#cache = cache
    this.#engine = engine
    this.purpose = purpose
  }

  /** Calls back with credentials to try, at once where it can, or says that there is nothing left to try. */
  next(onTurn: OnTurn, onGiveUp: OnGiveUp): void {
    this.#onTurn = onTurn
    this.#onGiveUp = onGiveUp
    if (this.purpose === 'probe' && this.lastError !== undefined) return this.giveUp(this.lastError)
    this.#engine.seek(this)
  }

  /** The server accepted the credentials. */
  accepted(): void {
    this.#settle((credentials) => this.#engine.accepted(credentials, this))
    this.ended = true
  }

  /** The server refused the credentials. Ask for the {@link next} turn to try others. */
  refused(error: unknown, refusal: Refusal = 'refused'): void {
    this.lastError = error
    this.blockedSince ??= this.#cache.clock.now()
    this.#settle((credentials) => this.#engine.refused(credentials, this, error, refusal))
  }

  /** The connection failed, or was given up, before the server judged the credentials. */
  cancel(): void {
    if (this.ended) return
    this.ended = true
    this.#engine.leave(this)
    this.#settle((credentials) => this.#engine.failed(credentials, this))
  }

  /** @internal */
  turn(credentials: Credentials): void {
    this.#trying = credentials
    this.#onTurn?.(credentials)
  }

  /** @internal */
  giveUp(error: unknown): void {
    this.ended = true
    this.#onGiveUp?.(error)
  }

  #settle(tell: (credentials: Credentials) => void): void {
    const credentials = this.#trying
    this.#trying = undefined
    if (credentials !== undefined) tell(credentials)
  }
}
