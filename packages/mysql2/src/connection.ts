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
import { logInWith } from './login-config.ts'
import { checkOptions, type ConnectionOptions } from './options.ts'
import { refusalOf } from './refusal.ts'
import { fail, tryOut, type Failure } from './trial.ts'

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
  let failure: Failure | undefined
  /** By the user's function that makes the socket, while whoever has asked is still here. */
  let thrown: Error | undefined

  function dial(credentials: Credentials): void {
    logInWith(config, credentials)
    life.tag(credentials)
    if (waiting === undefined) connection = new driver.Connection({ config })
    else waiting.dial()
    report(waiting?.connection ?? connection, login)
  }

  function giveUp(error: unknown): void {
    login.cancel()
    if (waiting !== undefined) fail(waiting.connection, error as Error, failure)
  }

  function tried(failed: Failure | undefined): void {
    isTrying = false
    failure = failed
    const error = failed?.error
    const refusal = refusalOf(error)
    if (error === undefined) login.accepted()
    else if (refusal !== undefined) login.refused(error, refusal)
    if (isOver) return life.closed()
    if (error !== undefined && refusal === undefined) return giveUp(error)
    if (error === undefined) login = life.login()
    next()
  }

  function logIn(credentials: Credentials): void {
    // A socket that is ready made is there for one try.
    const goesAhead = life.works(credentials.version) || typeof config.stream === 'object'
    if (goesAhead) return dial(credentials)
    tryOut(driver, config, credentials, tried)
    isTrying = true
  }

  function next(): void {
    login.next(
      (credentials) => {
        try {
          logIn(credentials)
        } catch (error) {
          login.cancel()
          if (waiting === undefined) thrown = error as Error
          else process.nextTick(() => giveUp(error))
        }
      },
      (error) => process.nextTick(() => giveUp(error)),
    )
  }

  try {
    next()
    if (thrown !== undefined) throw thrown
    if (connection === undefined) {
      waiting = waitingConnection(driver, config)
      connection = waiting.connection
    }
  } catch (error) {
    isOver = true
    login.cancel()
    if (!isTrying) life.closed()
    throw error
  }
  connection.stream.once('close', () => {
    isOver = true
    // Nobody waits for it any more: it was ended, or its time is up.
    login.cancel()
    if (!isTrying) life.closed()
  })
  return connection
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

interface Waiting {
  readonly connection: ConnectionInternals
  dial(): void
}

/** A connection that does not talk to the server before it is told to. */
function waitingConnection(driver: Driver, config: ConfigInternals): Waiting {
  const { stream: given } = config
  const socket = given === undefined ? new Socket() : undefined
  config.stream = socket ?? given
  const connection = new driver.Connection({ config })
  config.stream = given
  // What is given may be connected already: the server's greeting has to wait.
  if (socket === undefined) connection.pause()
  const { stream } = connection
  const destroy = (): void => void stream.destroy()
  // Ended while it is not connected, or paused, a socket would stay as it is.
  stream.once('finish', destroy)
  return {
    connection,
    dial() {
      if (stream.writableEnded) return
      stream.off('finish', destroy)
      if (socket === undefined) connection.resume()
      else openSocket(socket, config)
    },
  }
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
