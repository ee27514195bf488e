import { errorMonitor } from 'node:events'
import { Socket } from 'node:net'
import { Logins, type Credentials, type CredentialsCache, type TheirConnection } from '@rekey/core'
import type mysql from 'mysql2'
import {
  checkDriver,
  type ConfigInternals,
  type ConnectionInternals,
  type Driver,
} from './driver.ts'
import { copyOf, logInWith } from './login-config.ts'
import { checkOptions, type ConnectionOptions } from './options.ts'
import { refusalOf } from './refusal.ts'
import { watchLogin } from './secure-channel.ts'

/** What {@link createConnection} is, for a copy of the driver. */
export type CreateConnection = (config: ConnectionOptions | string) => mysql.Connection

/** Makes a {@link CreateConnection} for a copy of the driver, with credentials for connections that bring none. */
export function connectionFactory(
  driver: Driver,
  ownCredentials?: CredentialsCache,
): CreateConnection {
  return (given) => {
    const options = typeof given === 'string' ? { uri: given } : given
    const { credentials = ownCredentials, ...rest } = options
    if (credentials === undefined) {
      return driver.createConnection(
        (Object.hasOwn(options, 'credentials') ? rest : given) as string,
      )
    }
    checkDriver(driver)
    checkOptions(driver, credentials, options)
    const config = new driver.ConnectionConfig(rest)
    const life = aloneWith(loginsOf(credentials, config))
    return connect(driver, config, life) as unknown as mysql.Connection
  }
}

/** One connection, as the place that it belongs to wants to hear of it. */
type ConnectionLife = Pick<TheirConnection, 'login' | 'works' | 'tag' | 'closed'>
type Login = ReturnType<ConnectionLife['login']>

/** The life of a connection that belongs to no pool. */
function aloneWith(logins: Logins): ConnectionLife {
  return {
    login: () => logins.start('caller'),
    works: (version) => logins.works(version),
    tag() {},
    closed() {},
  }
}

/** Those of one cache and one server: what is known of a version holds for all connections to it. */
const known = new WeakMap<CredentialsCache, Map<string, Logins>>()

function loginsOf(credentials: CredentialsCache, config: ConfigInternals): Logins {
  const { socketPath, host, port } = config
  const server = socketPath ?? `${host}:${port}`
  const servers = known.get(credentials) ?? new Map<string, Logins>()
  known.set(credentials, servers)
  const logins =
    servers.get(server) ??
    new Logins(credentials, { pool: 'mysql2.Connection', callersProve: true })
  servers.set(server, logins)
  return logins
}

/**
 * A connection of the driver that logs in with what the cache has. The driver does not connect one twice, so a version
 * that is not proven is tried by another connection first, which ends when it is accepted.
 */
export function connect(
  driver: Driver,
  config: ConfigInternals,
  life: ConnectionLife,
): ConnectionInternals {
  let connection: ConnectionInternals | undefined
  let waiting: Waiting | undefined
  let login = life.login()
  let isTrying = false
  let isOver = false

  function dial(credentials: Credentials): void {
    logInWith(config, credentials)
    life.tag(credentials)
    if (waiting === undefined) connection = new driver.Connection({ config })
    else waiting.dial()
    report(waiting?.connection ?? connection, login)
  }

  function giveUp(error: unknown): void {
    login.cancel()
    if (waiting !== undefined) fail(waiting.connection, error as Error)
  }

  function tried(error: Error | undefined): void {
    isTrying = false
    const refusal = refusalOf(error)
    if (error === undefined) login.accepted()
    else if (refusal !== undefined) login.refused(error, refusal)
    if (isOver) return life.closed()
    if (error !== undefined && refusal === undefined) return giveUp(error)
    if (error === undefined) login = life.login()
    next()
  }

  function next(): void {
    login.next(
      (credentials) => {
        // A socket that is ready made is there for one try.
        const goesAhead = life.works(credentials.version) || typeof config.stream === 'object'
        if (goesAhead) return dial(credentials)
        isTrying = true
        tryOut(driver, config, credentials, tried)
      },
      (error) => process.nextTick(() => giveUp(error)),
    )
  }

  next()
  if (connection === undefined) {
    waiting = waitingConnection(driver, config)
    connection = waiting.connection
  }
  connection.stream.once('close', () => {
    isOver = true
    // Nobody waits for it any more: it was ended, or its time is up.
    login.cancel()
    if (!isTrying) life.closed()
  })
  return connection
}

/** Ends a connection that has not dialled, as the driver ends one whose login fails. */
function fail(connection: ConnectionInternals, error: Error): void {
  const { stream } = connection
  if (!('sqlMessage' in error)) {
    // The end of the server's side comes before the error that it is.
    if ((error as { code?: string }).code === 'PROTOCOL_CONNECTION_LOST') connection.emit('end')
    return void stream.destroy(error)
  }
  // What the server itself says in a handshake is not called fatal, and the end of the socket is told.
  connection._closing = true
  stream.once('close', () => connection.emit('end'))
  stream.destroy()
  connection.addCommand = connection._addCommandClosedState
  connection._notifyError(error)
  connection._fatalError = error
}

/** Tells the login how that of a connection has gone; puts no listener where its user's stand. */
function report(connection: ConnectionInternals | undefined, login: Login): void {
  if (connection === undefined) return
  const socket = connection.stream
  // Where statements wait for it, the driver gives the error to them alone.
  const onClose = (): void => failed(connection._fatalError)
  socket.once('close', onClose)
  connection.once(errorMonitor, failed)
  connection.once('connect', () => {
    socket.off('close', onClose)
    connection.off(errorMonitor, failed)
    login.accepted()
  })

  function failed(error: unknown): void {
    const refusal = refusalOf(error)
    if (refusal !== undefined) login.refused(error, refusal)
    login.cancel()
  }
}

/** Logs in with a connection that nobody else sees; says whether that went well when it is over. */
function tryOut(
  driver: Driver,
  config: ConfigInternals,
  credentials: Credentials,
  done: (error?: Error) => void,
): void {
  const own = copyOf(config)
  logInWith(own, credentials)
  const trial = new driver.Connection({ config: own })
  let failure: Error | undefined
  const socket = trial.stream
  socket.once('close', () => done(failure))
  const explain = watchLogin(trial)
  trial.connect((error) => {
    trial.on('error', () => {})
    failure = explain(error) ?? undefined
    if (failure === undefined) trial.end()
    else socket.destroy()
  })
}

interface Waiting {
  readonly connection: ConnectionInternals
  dial(): void
}

/** A connection that does not talk to the server before it is told to. */
function waitingConnection(driver: Driver, config: ConfigInternals): Waiting {
  const { stream: given } = config
  if (given !== undefined) {
    // It comes from elsewhere, and may be connected already: the server's greeting has to wait.
    const connection = new driver.Connection({ config })
    connection.pause()
    return { connection, dial: () => connection.resume() }
  }
  const socket = new Socket()
  config.stream = socket
  const connection = new driver.Connection({ config })
  config.stream = given
  // Ended before it was connected, a socket would stay as it is.
  socket.once('finish', () => socket.destroy())
  return { connection, dial: () => openSocket(socket, config) }
}

/** As the driver opens its own. */
function openSocket(socket: Socket, config: ConfigInternals): void {
  if (socket.destroyed) return
  if (config.socketPath) return void socket.connect(config.socketPath)
  if (config.enableKeepAlive) {
    socket.on('connect', () => socket.setKeepAlive(true, config.keepAliveInitialDelay))
  }
  socket.setNoDelay(true)
  socket.connect(config.port, config.host)
}
