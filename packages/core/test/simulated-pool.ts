import type { Timer } from '../src/clock.ts'
import {
  RekeyError,
  Rotation,
  type Credentials,
  type CredentialsCache,
  type DrainedMessage,
  type Login,
  type OpenOutcome,
  type RotationDriver,
  type RotationOptions,
} from '../src/index.ts'
import type { Answer, Session, SimulatedServer } from './simulated-server.ts'

export type OpenedFor = 'caller' | 'probe' | 'replacement'

/** One connection of the pool, from the moment that it takes a slot until its socket is closed. */
export class Connection {
  phase: 'waiting' | 'dialling' | 'failing' | 'open' | 'closing' | 'closed' = 'waiting'
  session: Session | undefined
  credentials: Credentials | undefined
  holder: Caller | undefined
  login: Login | undefined
  failure: unknown
  mayTryAgain = false
  connected: (error: unknown) => void = () => {}
  removed: (() => void) | undefined
  connectTimer: Timer | undefined
  idleTimer: Timer | undefined

  readonly number: number
  readonly openedFor: OpenedFor

  constructor(number: number, openedFor: OpenedFor) {
    this.number = number
    this.openedFor = openedFor
  }
}

/** Somebody who asked for a connection. */
export interface Caller {
  readonly number: number
  readonly startedAt: number
  readonly timeout: number | undefined
  state: 'waiting' | 'served' | 'failed'
  /** Whether it stands in the queue, or has got its connection out of it; else a dial is made for it. */
  queued: boolean
  error: unknown
}

interface Item {
  readonly caller: Caller | undefined
  callback(error: unknown, connection?: Connection): void
  readonly timeout: number | undefined
  timedOut: boolean
}

/** What the invariants hear of. */
export interface PoolObserver {
  /** A login starts. */
  dialled(connection: Connection): void
  answered(connection: Connection, answer: Answer): void
  /** The rotation opens a connection. */
  opening(connection: Connection): void
  opened(connection: Connection, outcome: OpenOutcome): void
  /** The rotation closes a connection: an idle one, or one that has just been given back. */
  retiring(connection: Connection, how: 'retire' | 'take'): void
  destroying(connection: Connection): void
  closed(connection: Connection): void
  settled(caller: Caller): void
  drained(message: DrainedMessage): void
}

export class LoginRefused extends Error {
  constructor(answer: 'refused' | 'locked') {
    super(`login ${answer}`)
  }
}

export class Unreachable extends Error {}
export class TimedOut extends Error {}

export interface PoolOptions {
  max: number
  idleTimeout: number | undefined
  /** Connections that are open before the rotation is attached. */
  found: number
  rotation: RotationOptions
}

/**
 * pg's pool, with what the adapter lays over it, without pg: the same queue, the same order of events. Sockets are the
 * simulated server's, time is the virtual clock's.
 */
export class SimulatedPool {
  readonly rotation: Rotation<Connection>
  /** What the pool itself counts; a closing connection is not among them. */
  clients: Connection[] = []
  idle: Connection[] = []
  queue: Item[] = []
  /** Everything that has a slot, or a holder. */
  readonly connections = new Set<Connection>()
  readonly #server: SimulatedServer
  readonly #options: PoolOptions
  readonly #observer: PoolObserver
  #connectionCount = 0
  #callerCount = 0
  #ending = false
  #ended: (() => void) | undefined

  constructor(
    cache: CredentialsCache,
    server: SimulatedServer,
    options: PoolOptions,
    observer: PoolObserver,
  ) {
    this.#server = server
    this.#options = options
    this.#observer = observer
    const found = Array.from({ length: options.found }, () => this.#found())
    const driver: RotationDriver<Connection> = {
      name: 'simulated',
      max: options.max,
      idle: () => [...this.idle],
      open: (purpose, done) => {
        const item: Item = {
          caller: undefined,
          callback: (error, connection) => this.#idleAtOnce(error, connection, settled),
          timeout: undefined,
          timedOut: false,
        }
        let opened: Connection | undefined
        const settled = (outcome: OpenOutcome): void => {
          if (opened !== undefined) observer.opened(opened, outcome)
          done(outcome)
        }
        this.#newClient(item, purpose, (connection) => {
          opened = connection
          observer.opening(connection)
        })
        return opened
      },
      retire: (connection) => {
        observer.retiring(connection, 'retire')
        this.#remove(connection)
      },
      destroy: (connection) => {
        observer.destroying(connection)
        this.#drop(connection)
      },
      describe: ({ number }) => ({ number }),
      drained: (message) => observer.drained(message),
    }
    this.rotation = new Rotation(cache, driver, options.rotation)
    for (const connection of found) this.rotation.found(connection)
  }

  get ending(): boolean {
    return this.#ending
  }

  acquire(timeout: number | undefined, served: (connection: Connection) => void): Caller {
    this.#callerCount += 1
    const caller: Caller = {
      number: this.#callerCount,
      startedAt: this.#server.clock.now(),
      timeout,
      state: 'waiting',
      queued: false,
      error: undefined,
    }
    const item: Item = {
      caller,
      timeout,
      timedOut: false,
      callback: (error, connection) => {
        timer?.cancel()
        caller.state = connection === undefined ? 'failed' : 'served'
        caller.error = error
        if (connection !== undefined) connection.holder = caller
        this.#observer.settled(caller)
        if (connection !== undefined) served(connection)
      },
    }
    let timer: Timer | undefined
    if (this.#ending) {
      item.callback(ended())
      return caller
    }
    if (this.idle.length === 0 && !this.#isFull) {
      this.#newClient(item, 'caller')
      return caller
    }
    caller.queued = true
    this.queue.push(item)
    if (this.idle.length > 0) queueMicrotask(() => this.#pulse())
    if (timeout === undefined) return caller
    timer = this.#server.clock.after(timeout, () => {
      this.queue = this.queue.filter((waiting) => waiting !== item)
      item.timedOut = true
      item.callback(new TimedOut('timeout exceeded in the queue'))
    })
    return caller
  }

  release(connection: Connection, error?: Error): void {
    const { rotation } = this
    const taken = rotation.wantsOne && rotation.takes(connection)
    if (taken) this.#observer.retiring(connection, 'take')
    connection.holder = undefined
    if (taken || error !== undefined || this.#ending || connection.phase !== 'open') {
      return this.#remove(connection)
    }
    const { idleTimeout } = this.#options
    if (idleTimeout !== undefined) {
      const expire = (): void => this.#remove(connection)
      connection.idleTimer = this.#server.clock.after(idleTimeout, expire)
    }
    this.idle.push(connection)
    this.#pulse()
  }

  /** Resolves when the last socket is closed. */
  end(): Promise<void> {
    this.#ending = true
    this.rotation.close()
    const waiting = this.queue.splice(0)
    const over = new Promise<void>((resolve) => (this.#ended = resolve))
    this.#pulse()
    queueMicrotask(() => {
      for (const item of waiting) if (!item.timedOut) item.callback(ended())
    })
    return over.then(() => this.rotation.drained())
  }

  get #isFull(): boolean {
    const { max } = this.#options
    return this.clients.length >= max || this.rotation.sessions >= max
  }

  // As pg-pool's, which serves one caller a call.
  #pulse(): void {
    if (this.#ending) {
      for (const connection of [...this.idle]) this.#remove(connection)
      if (this.clients.length === 0) this.#ended?.()
      return
    }
    if (this.queue.length === 0 || (this.idle.length === 0 && this.#isFull)) return
    const item = this.queue.shift() as Item
    const connection = this.idle.pop()
    if (connection === undefined) {
      if (item.caller !== undefined) item.caller.queued = false
      return this.#newClient(item, 'caller')
    }
    connection.idleTimer?.cancel()
    this.#hand(connection, item)
  }

  #hand(connection: Connection, item: Item): void {
    if (item.timedOut) this.release(connection)
    else item.callback(undefined, connection)
  }

  #idleAtOnce(
    error: unknown,
    connection: Connection | undefined,
    done: (outcome: OpenOutcome) => void,
  ): void {
    if (connection === undefined) return done(error instanceof LoginRefused ? 'refused' : 'failed')
    this.release(connection)
    done('opened')
  }

  #newClient(item: Item, openedFor: OpenedFor, made?: (connection: Connection) => void): void {
    this.#connectionCount += 1
    const connection = new Connection(this.#connectionCount, openedFor)
    this.clients.push(connection)
    this.connections.add(connection)
    made?.(connection)
    let timedOut = false
    connection.connected = (error) => {
      connection.connectTimer?.cancel()
      if (error === undefined) return this.#hand(connection, item)
      this.clients = this.clients.filter((client) => client !== connection)
      this.#pulse()
      const cause = timedOut ? new TimedOut('timeout exceeded at login', { cause: error }) : error
      if (!item.timedOut) item.callback(cause)
    }
    if (item.timeout !== undefined) {
      connection.connectTimer = this.#server.clock.after(item.timeout, () => {
        timedOut = true
        this.#drop(connection)
      })
    }
    this.rotation.dialling(connection)
    connection.login = this.rotation.logins.start(openedFor === 'probe' ? 'probe' : 'caller')
    this.#next(connection)
  }

  #next(connection: Connection): void {
    connection.login?.next(
      (credentials) => this.#dial(connection, credentials),
      (error) => this.#finish(connection, error),
    )
  }

  #dial(connection: Connection, credentials: Credentials): void {
    connection.phase = 'dialling'
    connection.failure = undefined
    connection.credentials = credentials
    this.rotation.tag(connection, credentials)
    connection.session = this.#server.dial(credentials.user, credentials.password.reveal(), {
      answered: (answer) => this.#answered(connection, answer),
      closed: () => this.#socketClosed(connection),
    })
    this.#observer.dialled(connection)
  }

  #answered(connection: Connection, answer: Answer): void {
    if (connection.phase !== 'dialling') return
    this.#observer.answered(connection, answer)
    if (answer === 'accepted') {
      connection.phase = 'open'
      connection.connectTimer?.cancel()
      connection.login?.accepted()
      this.rotation.ready(connection)
      return connection.connected(undefined)
    }
    connection.phase = 'failing'
    connection.mayTryAgain = answer !== 'unreachable'
    if (answer === 'unreachable') {
      connection.failure = new Unreachable('the server cannot be reached')
      connection.login?.cancel()
    } else {
      connection.failure = new LoginRefused(answer)
      connection.login?.refused(connection.failure, answer)
    }
    connection.session?.destroy()
  }

  #socketClosed(connection: Connection): void {
    const { phase } = connection
    if (phase === 'failing' && connection.mayTryAgain) {
      connection.phase = 'waiting'
      return this.#next(connection)
    }
    if (phase !== 'open' && phase !== 'closing') {
      return this.#finish(connection, connection.failure ?? new Unreachable('terminated'))
    }
    if (this.idle.includes(connection)) {
      // The driver hears an error of a connection that nobody holds, and removes it.
      this.#forget(connection)
      this.rotation.closing(connection)
    }
    connection.phase = 'closed'
    this.#observer.closed(connection)
    if (connection.holder === undefined) this.connections.delete(connection)
    this.#slotFree(connection)
    connection.removed?.()
  }

  /** Ends a connect that did not come to a connection. */
  #finish(connection: Connection, error: unknown): void {
    if (connection.phase === 'closed') return
    connection.phase = 'closed'
    this.#observer.closed(connection)
    connection.connectTimer?.cancel()
    connection.login?.cancel()
    this.connections.delete(connection)
    this.#slotFree(connection)
    connection.connected(error)
  }

  #slotFree(connection: Connection): void {
    this.rotation.closed(connection)
    if (this.queue.length > 0) this.#pulse()
  }

  #forget(connection: Connection): void {
    connection.idleTimer?.cancel()
    this.idle = this.idle.filter((idle) => idle !== connection)
    this.clients = this.clients.filter((client) => client !== connection)
  }

  #remove(connection: Connection): void {
    this.#forget(connection)
    if (connection.phase === 'closed') {
      this.connections.delete(connection)
      return queueMicrotask(() => this.#pulse())
    }
    connection.phase = 'closing'
    connection.removed = () => this.#pulse()
    this.rotation.closing(connection)
    connection.session?.end()
  }

  #drop(connection: Connection): void {
    if (connection.phase !== 'waiting') return connection.session?.destroy()
    this.#server.clock.after(0, () => {
      if (connection.phase === 'waiting') this.#finish(connection, new Unreachable('terminated'))
      else connection.session?.destroy()
    })
  }

  #found(): Connection {
    this.#connectionCount += 1
    const connection = new Connection(this.#connectionCount, 'caller')
    connection.phase = 'open'
    connection.session = this.#server.found({
      answered: () => {},
      closed: () => this.#socketClosed(connection),
    })
    this.clients.push(connection)
    this.idle.push(connection)
    this.connections.add(connection)
    return connection
  }
}

function ended(): RekeyError {
  return new RekeyError('ERR_REKEY_POOL_ENDED', 'the pool was ended')
}
