import { Logins, type CredentialsCache, type Credentials, type Login } from '@rekey/core'
import pg from 'pg'
import type { ClientClass, ClientInternals, Driver } from './driver.ts'
import { checkConfig, type ClientConfig } from './options.ts'
import { refusalOf } from './refusal.ts'

/** One connection, as the place that it belongs to wants to hear of it. */
export interface ClientLife {
  readonly login: Login
  /** It has read these credentials. */
  tag(credentials: Credentials): void
  ready(): void
  closing(): void
  /** Its socket is closed, or it never got one. */
  closed(): void
}

/** Begins the life of a client that is about to connect; `undefined` leaves it to the driver. */
export type BeginLife = (client: pg.Client) => ClientLife | undefined

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

const baseOf: unique symbol = Symbol.for('rekey.pg.Client.base')

/**
 * A subclass of a driver's `Client` that reads its credentials when it connects. It resolves them before the socket
 * opens, sets user and password of one snapshot, and when the server refuses them tries what the login says next.
 */
export function rotatingClient(Base: ClientClass, begin: BeginLife): ClientClass {
  // A class that came back to us through a copied configuration belongs to another pool.
  const DriverClient = (Base as ClientClass & { [baseOf]?: ClientClass })[baseOf] ?? Base
  class RotatingClient extends DriverClient {
    static readonly [baseOf]: ClientClass = DriverClient
    readonly #config: string | ClientConfig | undefined
    #phase: Phase = 'new'
    #life: ClientLife | undefined
    #callback: ConnectCallback | undefined
    #failure: unknown
    #mayTryAgain = false
    #timer: NodeJS.Timeout | undefined

    constructor(config?: string | ClientConfig) {
      super(config)
      this.#config = config
    }

    override connect(): Promise<pg.Client>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<pg.Client> | void {
      const life = this.#phase === 'new' ? begin(this) : undefined
      if (this.#phase === 'new' && life === undefined) {
        return callback === undefined ? super.connect() : super.connect(callback)
      }
      if (callback !== undefined) return this.#begin(life, callback)
      return new this.#driver._Promise((resolve, reject) => {
        this.#begin(life, (error) => (error ? reject(error) : resolve(this)))
      })
    }

    override end(): Promise<void>
    override end(callback: (error: Error) => void): void
    override end(callback?: (error: Error) => void): Promise<void> | void {
      if (this.#phase === 'waiting') queueMicrotask(() => this.#stopped())
      if (this.#phase === 'open') this.#life?.closing()
      return callback === undefined ? super.end() : super.end(callback)
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

    #begin(life: ClientLife | undefined, callback: ConnectCallback): void {
      if (life === undefined) {
        const message = 'Client has already been connected. You cannot reuse a client.'
        return process.nextTick(() => callback(new Error(message)))
      }
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
        (error) => this.#finish(error),
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
      const by = this.#driver._ending ? '' : ' unexpectedly'
      this.#finish(new Error(`Connection terminated${by}`))
    }

    /** Takes a fresh connection for the next try: the driver does not reuse one that has failed. */
    #renew(): boolean {
      const life = this.#life
      const config = this.#config
      const hasOwnSocket = typeof config === 'object' && 'connection' in config
      if (life === undefined || hasOwnSocket) return false
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
      this.#driver._ended = true
      this.#driver.connection.stream.destroy()
      this.#life?.closed()
      this.#callback?.(error)
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

/** The life of a client that belongs to no pool: it logs in on its own. */
export function aloneWith(credentials: CredentialsCache, name: string): BeginLife {
  const logins = new Logins(credentials, { pool: name, callersProve: true })
  return () => ({
    login: logins.start('caller'),
    tag: () => {},
    ready: () => {},
    closing: () => {},
    closed: () => {},
  })
}

const lives = new WeakMap<object, BeginLife>()

/** The class that {@link Client} is, for a copy of the driver, with credentials for those that bring none. */
export function clientClass(driver: Driver, ownCredentials?: CredentialsCache): ClientClass {
  const Rotating = rotatingClient(driver.Client, (client) => lives.get(client)?.(client))
  return class Client extends Rotating {
    constructor(config?: string | ClientConfig) {
      const options = typeof config === 'string' ? { connectionString: config } : config
      const credentials = options?.credentials ?? ownCredentials
      if (credentials !== undefined) checkConfig(credentials, options ?? {})
      super(config)
      if (credentials !== undefined) lives.set(this, aloneWith(credentials, 'pg.Client'))
    }
  }
}

const PgClient: ClientClass = clientClass(pg)

/**
 * `pg.Client` that reads its user and password from `credentials` when it connects. Without `credentials` it is the
 * driver's own.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside `credentials`, in the options or in the URL;
 * `ERR_REKEY_OPTION` for `credentials` that are not a cache, and for a missing `database`.
 *
 * @example
 * const client = new Client({ host: 'db.internal', database: 'app', credentials })
 * await client.connect()
 */
export class Client extends PgClient {
  // oxlint-disable-next-line no-useless-constructor -- it declares that `credentials` are taken
  constructor(config?: string | ClientConfig) {
    super(config)
  }
}
