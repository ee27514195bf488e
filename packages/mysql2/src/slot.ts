import { replaceMembers, type Credentials, type Login } from '@rekey/core'
import type {
  Driver,
  GetConnectionCallback,
  PoolConnectionInternals,
  PoolInternals,
} from './driver.ts'
import { logInWith } from './login-config.ts'
import { cameBeforeAnyDial, refusalOf } from './refusal.ts'
import { watchLogin } from './secure-channel.ts'

/** A slot, as the pool that it belongs to wants to hear of it. */
export interface SlotLife {
  readonly login: Login
  /** It dials with these credentials, over this connection. */
  dialling(connection: PoolConnectionInternals, credentials: Credentials): void
  ready(): void
  closing(): void
  /** Its socket is closed, or it never got one. */
  closed(): void
}

type EndCallback = (error?: Error) => void

type Phase =
  /** For credentials, or for its turn to try them. */
  | 'waiting'
  | 'dialling'
  /** Its socket closes after a failed login. */
  | 'failing'
  | 'open'
  /** It says goodbye, behind the statements that are still running. */
  | 'leaving'
  | 'closed'

/**
 * One of the pool's slots at the server, from the moment it is taken until its socket is closed. The driver does not
 * connect a connection twice: where the server refuses the credentials, the slot tries what the login says next with a
 * connection that is new.
 */
export class Slot {
  connection: PoolConnectionInternals | undefined
  readonly #driver: Driver
  readonly #pool: PoolInternals
  readonly #life: SlotLife
  readonly #giveUpAt: number
  #callback: GetConnectionCallback | undefined
  #phase: Phase = 'waiting'
  #socket: { destroy(): unknown } | undefined
  #failure: unknown
  #mayTryAgain = false
  #destroyLater = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    driver: Driver,
    pool: PoolInternals,
    begin: (slot: Slot) => SlotLife,
    callback: GetConnectionCallback,
  ) {
    // The driver takes it as it comes, in a string too.
    const connectTimeout = Number(pool.config.connectionConfig.connectTimeout)
    this.#driver = driver
    this.#pool = pool
    this.#callback = callback
    this.#giveUpAt = connectTimeout > 0 ? performance.now() + connectTimeout : Infinity
    this.#life = begin(this)
  }

  connect(): void {
    this.#phase = 'waiting'
    this.#life.login.next(
      (credentials) => this.#dial(credentials),
      // Out of the queue of logins: what the caller's callback throws is not theirs.
      (error) => process.nextTick(() => this.#finish(error)),
    )
    if (this.#phase === 'waiting') this.#startTimer()
  }

  /** The account that it has logged in with, or has tried last. */
  get user(): string | undefined {
    return this.connection?.config.user
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** The connection is no longer the pool's, whoever has taken it out. */
  left(): void {
    if (this.#phase === 'open' || this.#phase === 'leaving') this.#life.closing()
  }

  /** Closes in good order what nobody holds any more. */
  leave(callback?: EndCallback): void {
    this.connection?._removeFromPool()
    this.quit(callback)
  }

  /** Says goodbye behind what is still running. */
  quit(callback?: EndCallback): void {
    if (this.#phase === 'open') this.#phase = 'leaving'
    else if (this.#phase !== 'dialling') return
    this.connection?._realEnd((error) => {
      if (error === undefined) this.#goodbye()
      callback?.(error)
    })
  }

  /** Gives up a login that has no connection yet. */
  abandon(error: Error): void {
    if (this.#phase !== 'waiting') return
    // Or its credentials, which may be here before the next tick, would have it dial.
    this.#life.login.cancel()
    process.nextTick(() => this.#finish(error))
  }

  destroy(): void {
    if (this.#phase === 'waiting') return this.#finish(new Error('Pool is closed.'))
    // Given back while a statement runs: it has been promised its end.
    if (this.#phase === 'leaving' && !this.connection?._closing) this.#destroyLater = true
    else this.#destroySocket()
  }

  #dial(credentials: Credentials): void {
    const { connectionConfig } = this.#pool.config
    const config = this.#pool._createConnectionConfig()
    logInWith(config, credentials)
    // One limit for all tries. The driver reads it once, when it starts its timer.
    if (this.#timer !== undefined) config.connectTimeout = this.#timeLeft
    clearTimeout(this.#timer)
    let connection: PoolConnectionInternals
    try {
      connection = new this.#driver.PoolConnection(this.#pool, { config })
    } catch (error) {
      return this.#finish(error)
    }
    config.connectTimeout = connectionConfig.connectTimeout
    this.#phase = 'dialling'
    this.connection = connection
    this.#socket = connection.stream
    this.#pool._allConnections.push(connection)
    if (config.gracefulEnd) this.#endInGoodOrder(connection)
    this.#life.dialling(connection, credentials)
    connection.stream.once('close', () => this.#socketClosed())
    const explain = watchLogin(connection)
    connection.connect((error) => {
      const explained = explain(error)
      if (explained) this.#fail(explained)
      else this.#ready(connection)
    })
  }

  /** As the driver ends it then, but that its goodbye is heard of: it may come long after it has left the pool. */
  #endInGoodOrder(connection: PoolConnectionInternals): void {
    const { end } = connection
    replaceMembers(connection, {
      end: (callback) => (this.isOpen ? this.leave(callback) : void end.call(connection, callback)),
    })
  }

  #ready(connection: PoolConnectionInternals): void {
    if (this.#phase !== 'dialling') return
    this.#phase = 'open'
    this.#life.login.accepted()
    this.#life.ready()
    this.#answer(null, connection)
  }

  #fail(error: Error): void {
    if (this.#phase !== 'dialling') return
    this.#phase = 'failing'
    this.#failure = error
    const refusal = refusalOf(error)
    this.#mayTryAgain = refusal !== undefined && !this.#pool._closed
    if (refusal === undefined) this.#life.login.cancel()
    else this.#life.login.refused(error, refusal)
    if (!this.#mayTryAgain) this.#answer(error)
    this.#destroySocket()
  }

  #socketClosed(): void {
    if (this.#phase === 'failing' && this.#mayTryAgain && !this.#pool._closed) {
      // Its time goes on.
      this.#startTimer()
      return this.connect()
    }
    // The driver says nothing more where it was told to close.
    this.#finish(this.#failure ?? lost())
  }

  #goodbye(): void {
    this.#life.closing()
    if (this.#destroyLater) process.nextTick(() => this.#destroySocket())
  }

  #destroySocket(): void {
    this.connection?.stream.destroy()
    this.#socket?.destroy()
  }

  /** The slot is free again, with an answer to a caller who still waits for one. */
  #finish(error: unknown): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    clearTimeout(this.#timer)
    this.#life.login.cancel()
    this.#life.closed()
    this.#answer(error as Error)
  }

  #answer(error: Error | null, connection?: PoolConnectionInternals): void {
    const callback = this.#callback
    this.#callback = undefined
    callback?.(error, connection)
  }

  get #timeLeft(): number {
    return Math.max(1, Math.ceil(this.#giveUpAt - performance.now()))
  }

  // The driver's own timer runs with each connection, and there is none yet.
  #startTimer(): void {
    if (this.#giveUpAt === Infinity) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#phase === 'waiting') this.#finish(cameBeforeAnyDial(timedOut()))
    }, this.#timeLeft)
  }
}

/** In the driver's words, with its odd name for the number. */
function timedOut(): Error {
  const details = { errorno: 'ETIMEDOUT', code: 'ETIMEDOUT', syscall: 'connect', fatal: true }
  return Object.assign(new Error('connect ETIMEDOUT'), details)
}

function lost(): Error {
  const error = new Error('Connection lost: The server closed the connection.')
  return Object.assign(error, { fatal: true, code: 'PROTOCOL_CONNECTION_LOST' })
}
