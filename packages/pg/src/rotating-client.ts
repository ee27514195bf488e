import type { Credentials, Login } from '@rekey/core'
import type pg from 'pg'
import type { ClientClass, ClientInternals } from './driver.ts'
import type { ClientConfig } from './options.ts'
import { refusalOf } from './refusal.ts'

/** One connection, as the place that it belongs to wants to hear of it. */
export interface ClientLife {
  readonly login: Pick<Login, 'next' | 'accepted' | 'refused' | 'cancel'>
  /** It has read these credentials. */
  tag(credentials: Credentials): void
  ready(): void
  closing(): void
  /** Its socket is closed, or it never got one. */
  closed(): void
}

/** Begins a client's life: called when it connects. */
export type BeginLife = () => ClientLife

type ConnectCallback = (error: unknown, client?: unknown) => void

type Phase =
  | 'new'
  /** For credentials, or for its turn to try them. */
  | 'waiting'
  | 'dialling'
  /** Its socket closes after a failed login. */
  | 'failing'
  | 'open'
  | 'closed'

/** Whose login each client makes: without one it is the driver's own. */
export const lives: WeakMap<object, BeginLife> = new WeakMap()

/**
 * A subclass of a driver's `Client` that reads its credentials when it connects. It resolves them before the socket
 * opens, sets user and password of one snapshot, and when the server refuses them tries what the login says next.
 */
export function readsCredentials(DriverClient: ClientClass): ClientClass {
  class RotatingClient extends DriverClient {
    readonly #config: string | ClientConfig | undefined
    #phase: Phase = 'new'
    #life: ClientLife | undefined
    #callback: ConnectCallback | undefined
    #failure: unknown
    #mayTryAgain = false
    #timer: NodeJS.Timeout | undefined

    constructor(config?: string | ClientConfig) {
      super(config)
      this.#config = config ?? undefined
    }

    override connect(): Promise<pg.Client>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<pg.Client> | void {
      const begin = lives.get(this)
      // Without credentials, or without a socket as a test's stand-in may be, it is the driver's own matter.
      if (begin === undefined || !('connection' in this)) {
        return callback ? super.connect(callback) : super.connect()
      }
      if (callback) return this.#begin(begin, callback)
      const driver = this.#driver
      const connected = new driver._Promise<pg.Client>((resolve, reject) => {
        this.#begin(begin, (error) => {
          if (!error) return resolve(this)
          reject(error)
          // The driver's promise never settles then. Whoever has called end() need not look at this one either.
          if (driver._ending) connected.catch(() => {})
        })
      })
      return connected
    }

    override end(): Promise<void>
    override end(callback: (error: Error) => void): void
    override end(callback?: (error: Error) => void): Promise<void> | void {
      if (this.#phase === 'waiting') queueMicrotask(() => this.#stopped())
      if (this.#phase === 'open') this.#life?.closing()
      return callback ? super.end(callback) : super.end()
    }

    /** @internal A killed connection must not crash the process while its holder looks away: the driver emits an `error` that nobody hears. */
    _handleErrorEvent(error: Error): void {
      const driver = this.#driver
      if (this.#life === undefined || driver._connecting || driver.listenerCount('error') > 0) {
        return (DriverClient.prototype as unknown as ClientInternals)._handleErrorEvent.call(
          driver,
          error,
        )
      }
      driver._queryable = false
      driver._errorAllQueries(error)
    }

    get #driver(): ClientInternals {
      return this as unknown as ClientInternals
    }

    #begin(begin: BeginLife, callback: ConnectCallback): void {
      if (this.#phase !== 'new') {
        const message = 'Client has already been connected. You cannot reuse a client.'
        return process.nextTick(() => callback(new Error(message)))
      }
      const life = begin()
      this.#life = life
      this.#callback = callback
      this.#phase = 'waiting'
      this.#startTimer()
      this.#watchSocket()
      this.#next(life)
    }

    #next(life: ClientLife): void {
      life.login.next(
        (credentials) => this.#dial(life, credentials),
        // Out of the queue of logins: what the caller's callback throws is not theirs.
        (error) => process.nextTick(() => this.#finish(error)),
      )
    }

    #dial(life: ClientLife, credentials: Credentials): void {
      const driver = this.#driver
      this.#phase = 'dialling'
      driver.user = driver.connectionParameters.user = credentials.user
      driver.password = driver.connectionParameters.password = credentials.password.reveal()
      life.tag(credentials)
      super.connect((error: Error | null) => (error ? this.#fail(life, error) : this.#ready(life)))
    }

    #ready(life: ClientLife): void {
      if (this.#phase !== 'dialling') return
      this.#phase = 'open'
      clearTimeout(this.#timer)
      life.login.accepted()
      life.ready()
      this.#callback?.(null, this)
    }

    #fail(life: ClientLife, error: unknown): void {
      if (this.#phase !== 'dialling') return
      this.#phase = 'failing'
      this.#failure = error
      const refusal = refusalOf(error)
      this.#mayTryAgain = refusal !== undefined
      if (refusal === undefined) life.login.cancel()
      else life.login.refused(error, refusal)
      // The driver leaves the socket open after some failures, and the server would keep the slot.
      this.#driver.connection.stream.destroy()
    }

    #watchSocket(): void {
      this.#driver.connection.stream.once('close', () => this.#socketClosed())
    }

    #socketClosed(): void {
      if (this.#phase === 'open') {
        this.#phase = 'closed'
        return this.#life?.closed()
      }
      if (this.#phase === 'failing') {
        if (this.#mayTryAgain && !this.#driver._ending && this.#renew()) return
        return this.#finish(this.#failure)
      }
      // The driver hears of the close after us and may have more to say about it.
      if (this.#phase === 'dialling') process.nextTick(() => this.#stopped())
      if (this.#phase === 'waiting') this.#stopped()
    }

    #stopped(): void {
      if (this.#phase === 'failing') return this.#finish(this.#failure)
      this.#finish(terminated(this.#driver))
    }

    /** Takes a fresh connection for the next try: the driver does not reuse one that has failed. */
    #renew(): boolean {
      const life = this.#life
      const config = this.#config
      if (life === undefined || bringsSocket(config)) return false
      const driver = this.#driver
      const used = driver.connection
      used.removeAllListeners()
      used.on('error', () => {})
      driver.connection = (new DriverClient(config) as unknown as ClientInternals).connection
      driver._connecting = false
      driver._connectionError = false
      driver._ended = false
      this.#phase = 'waiting'
      this.#watchSocket()
      this.#next(life)
      return true
    }

    /** Ends a connect that did not come to a connection. */
    #finish(error: unknown): void {
      if (this.#phase === 'closed' || this.#phase === 'open') return
      this.#phase = 'closed'
      clearTimeout(this.#timer)
      this.#life?.login.cancel()
      const driver = this.#driver
      driver._ended = true
      driver.connection.stream.destroy()
      this.#life?.closed()
      this.#callback?.(error)
      // The driver says this when the socket closes; one that never dialled does not listen to its socket.
      if (driver.connection._connecting) return
      driver._errorAllQueries(terminated(driver))
      process.nextTick(() => driver.emit('end'))
    }

    // The driver's own timer starts anew with each try; this one is over all of them.
    #startTimer(): void {
      const config = this.#config
      const limit = typeof config === 'object' ? (config.connectionTimeoutMillis ?? 0) : 0
      if (!(limit > 0)) return
      this.#timer = setTimeout(() => {
        const error = new Error('timeout expired')
        if (this.#phase === 'waiting') this.#finish(error)
        else this.#driver.connection.stream.destroy(error)
      }, limit)
      this.#timer.unref()
    }
  }
  Object.defineProperty(RotatingClient, 'name', { value: DriverClient.name })
  return RotatingClient
}

function terminated({ _ending }: ClientInternals): Error {
  return new Error(_ending ? 'Connection terminated' : 'Connection terminated unexpectedly')
}

/** Whether a configuration has a socket in it that is ready made, so that there is none for a second try. */
export function bringsSocket(config: string | ClientConfig | undefined): boolean {
  if (typeof config !== 'object') return false
  const { stream } = config as { stream?: unknown }
  return 'connection' in config || (stream !== undefined && typeof stream !== 'function')
}
