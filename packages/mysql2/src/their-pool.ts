import { replaceMembers, TheirPool, type CredentialsCache, type TheirRotation } from '@rekey/core'
import type mysql from 'mysql2'
import { connect } from './connection.ts'
import type { ConnectionInternals, Driver } from './driver.ts'
import { checkOptions } from './options.ts'

interface TheirConnectionsOptions {
  /** The most connections that their pool opens. */
  readonly max: number
  readonly rotation: TheirRotation
}

/** The connections of a pool that is not ours. */
export interface TheirConnections {
  /** What their pool is to make its connections with. */
  createConnection(options: mysql.ConnectionOptions): mysql.Connection
  /** Whether a connection that nobody holds is to be closed now. */
  leaves(connection: mysql.Connection): boolean
}

/** @throws {RekeyError} `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. */
export function theirConnections(
  driver: Driver,
  credentials: CredentialsCache,
  { max, rotation }: TheirConnectionsOptions,
): TheirConnections {
  const pool = new TheirPool(credentials, { name: 'mysql2.Pool', max, rotation, prove })
  const questions = new WeakMap<object, () => boolean>()
  /** What the connection that was asked about last has been made with: a login of our own reaches the same server. */
  let reached: mysql.ConnectionOptions = {}

  function open(options: mysql.ConnectionOptions): ConnectionInternals {
    checkOptions(driver, credentials, options)
    const config = new driver.ConnectionConfig(options)
    const theirs = pool.begin(() => {
      connection.stream.destroy()
      socket.destroy()
    })
    const connection = connect(driver, config, theirs)
    const socket = connection.stream
    questions.set(connection, () => {
      reached = options
      return theirs.leaves()
    })
    const { end, destroy } = connection
    replaceMembers(connection, {
      end(callback) {
        theirs.closing()
        return end.call(connection, callback)
      },
      destroy() {
        theirs.closing()
        destroy.call(connection)
      },
    })
    return connection
  }

  function prove(): boolean {
    // A socket that was made beforehand is that of the connection that was asked about.
    if (typeof reached.stream === 'object') return false
    const connection = open(reached)
    connection.on('error', () => {})
    connection.once('connect', () => connection.end())
    return true
  }

  return {
    createConnection: (options) => open(options) as unknown as mysql.Connection,
    leaves: (connection) => questions.get(connection)?.() ?? false,
  }
}
