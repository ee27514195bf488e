import type { Credentials } from '@rekey/core'
import type { ConfigInternals, ConnectionInternals, Driver } from './driver.ts'
import { copyOf, logInWith } from './login-config.ts'
import { watchLogin } from './secure-channel.ts'

/** How a login has gone wrong that nobody else sees. */
export interface Failure {
  readonly error: Error
  readonly connection: ConnectionInternals
  /** Whether it was in the handshake, with a server that was still there. */
  readonly isOfHandshake: boolean
  /** What has put itself around the socket, for TLS, keeps its end from the driver. */
  readonly isOverTls: boolean
  readonly warnings: readonly unknown[]
}

/** Logs in with a connection that nobody else sees; says whether that failed when it is over. */
export function tryOut(
  driver: Driver,
  config: ConfigInternals,
  credentials: Credentials,
  done: (failure?: Failure) => void,
): void {
  const own = copyOf(config)
  logInWith(own, credentials)
  const trial = new driver.Connection({ config: own })
  const warnings: unknown[] = []
  let failure: Failure | undefined
  const socket = trial.stream
  socket.once('close', () => done(failure))
  trial.on('warn', (warning) => warnings.push(warning))
  const explain = watchLogin(trial)
  trial.connect((failed) => {
    trial.on('error', () => {})
    const error = explain(failed)
    if (error === null) {
      trial.end()
      return
    }
    // The driver says so before it tells the error, and of every connection after it.
    const isOfHandshake = trial._closing === true
    const isOverTls = trial.stream !== socket
    failure = { error, connection: trial, isOfHandshake, isOverTls, warnings }
    socket.destroy()
  })
}

/** Ends a connection that has not dialled, as the driver ends one whose login fails. */
export function fail(
  connection: ConnectionInternals,
  error: Error,
  failure: Failure | undefined,
): void {
  const { stream } = connection
  // What is known of a version may be from another connection's login.
  const own = failure?.error === error ? failure : undefined
  const hearsEnd = !(own?.isOverTls ?? connection.config.ssl)
  for (const warning of own?.warnings ?? []) connection.emit('warn', warning)
  if (own?.isOfHandshake ?? 'sqlMessage' in error) {
    // It is not the end of the socket, which follows.
    connection._closing = true
    if (hearsEnd) stream.once('close', () => connection.emit('end'))
    stream.destroy()
    connection.addCommand = connection._addCommandClosedState
    connection._notifyError(error)
    // Before the server's greeting the driver does not keep it.
    if (own?.connection._fatalError === null) return
    connection._fatalError = connection._protocolError = error
  } else if ((error as { code?: string }).code === 'PROTOCOL_CONNECTION_LOST') {
    // The end of the server's side comes before the error that it is.
    if (hearsEnd) connection.emit('end')
    connection._protocolError = error
    stream.destroy()
  } else stream.destroy(error)
}
