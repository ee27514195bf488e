import type { Credentials, Login } from '@rekey/core'
import { refusalBy, type CredentialsFactory } from './factory.ts'

/** What happens to a connection, as the place that it belongs to wants to hear of it. */
export interface SlotEvents {
  /** It logs in with these credentials. */
  tag(credentials: Credentials): void
  closing(): void
  /** Its socket is closed. `byItself`: although nobody has asked for that. */
  closed(byItself: boolean): void
}

type Phase = 'dialling' | 'abandoned' | 'open' | 'closing' | 'closed'

/** One connection's place at the server: from before its dial until its socket is closed. */
export class Slot<T> {
  readonly #factory: CredentialsFactory<T>
  readonly #login: Login
  readonly #events: SlotEvents
  readonly #abandoning = new AbortController()
  readonly #gone = Promise.withResolvers<void>()
  #phase: Phase = 'dialling'
  #connection: T | undefined
  #destroyed: Promise<void> | undefined

  constructor(factory: CredentialsFactory<T>, login: Login, events: SlotEvents) {
    this.#factory = factory
    this.#login = login
    this.#events = events
  }

  /** The connection, once it is open. */
  get connection(): T | undefined {
    return this.#connection
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** Settles when its socket is closed. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  /** Opens the connection with whatever credentials its login says, or rejects once there is nothing left to try. */
  dial(): Promise<T> {
    const { signal } = this.#abandoning
    const abandoned = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        this.#login.cancel()
        reject(signal.reason as Error)
      })
    })
    const opened = this.#open(signal, abandoned)
    opened.then(
      (connection) => this.#opened(connection),
      () => this.#close(),
    )
    return Promise.race([opened, abandoned])
  }

  /** Closes the connection in good order. Rejects as the factory's `destroy` does; resolves when its socket is closed. */
  destroy(): Promise<void> {
    return (this.#destroyed ??= this.#destroy())
  }

  /** Drops its socket, or gives up its dial; what does not listen to that loses its place when asked again. */
  drop(): void {
    if (this.#phase === 'dialling') {
      this.#phase = 'abandoned'
      return this.#abandoning.abort(new Error('The dial was given up'))
    }
    if (this.#phase === 'abandoned') return this.#close()
    if (this.#phase === 'closed') return
    const isLate = this.#phase === 'closing'
    this.#leave()
    const factory = this.#factory
    if (factory.kill) factory.kill(this.#connection as T)
    else void this.destroy().catch(() => {})
    if (isLate && !(factory.kill && factory.closed)) this.#close()
  }

  /** Whether it may be lent. */
  async validate(): Promise<boolean> {
    try {
      const isValid = (await this.#factory.validate?.(this.#connection as T)) ?? true
      return isValid && this.isOpen
    } catch {
      return false
    }
  }

  async #open(signal: AbortSignal, abandoned: Promise<never>): Promise<T> {
    for (;;) {
      const turn = new Promise<Credentials>((resolve, reject) => {
        this.#login.next((credentials) => {
          // At once: the version may be forgotten where nobody says that it is in use.
          this.#events.tag(credentials)
          resolve(credentials)
        }, reject)
      })
      const credentials = await Promise.race([turn, abandoned])
      try {
        const connection = await this.#factory.create(credentials, signal)
        this.#login.accepted()
        return connection
      } catch (error) {
        const refusal = refusalBy(this.#factory, error)
        if (refusal !== undefined) this.#login.refused(error, refusal)
        if (refusal !== undefined && !signal.aborted) continue
        this.#login.cancel()
        throw error
      }
    }
  }

  #opened(connection: T): void {
    const isWanted = this.#phase === 'dialling'
    this.#connection = connection
    this.#phase = 'open'
    const close = (): void => this.#close()
    void this.#factory.closed?.(connection).then(close, close)
    if (!isWanted) void this.destroy().catch(() => {})
  }

  async #destroy(): Promise<void> {
    this.#leave()
    const factory = this.#factory
    try {
      await factory.destroy(this.#connection as T)
    } finally {
      if (!factory.closed) this.#close()
    }
    await this.gone
  }

  #leave(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'closing'
    this.#events.closing()
  }

  #close(): void {
    if (this.#phase === 'closed') return
    const byItself = this.#phase === 'open'
    this.#phase = 'closed'
    this.#gone.resolve()
    this.#events.closed(byItself)
  }
}
