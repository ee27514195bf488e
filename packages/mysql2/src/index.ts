import type mysql from 'mysql2'
import driver from 'mysql2'
import { rekeyMysql2, type RekeyMysql2 } from './module.ts'

// Name by name: with `export *` the driver's whole module would stand in the place of ours under `require`.
export type * from 'mysql2'
export {
  authPlugins,
  clearParserCache,
  Connection,
  createServer,
  escape,
  escapeId,
  format,
  PoolConnection,
  raw,
  setMaxParserCache,
} from 'mysql2'
export { rotatingMysql2 } from './module.ts'
export type { RekeyMysql2 } from './module.ts'
export type { ConnectionOptions, PoolOptions } from './options.ts'
export type { RotatingPoolCluster } from './pool-cluster.ts'
export type { RotatingPool } from './pool.ts'
export type { RotatingPromisePoolCluster } from './promise-functions.ts'
export type { RotatingPromisePool } from './promise-pool.ts'

/**
 * `mysql2.createPool` whose pool takes up new credentials while it works. One pool for life: after a rotation it opens
 * connections with the new pair and retires the old ones one by one, each while nobody holds it. Without `credentials`
 * it is the driver's own.
 *
 * - `generations`: connections per version, the oldest first (empty without `credentials`).
 * - `drained()`: resolves when no connection is older than the newest version, after the sockets have closed.
 * - Event `drained`: a version's last connection has closed.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside `credentials`, in the options or in the URL;
 * `ERR_REKEY_OPTION` for an option with a value that is not allowed; `ERR_REKEY_BUDGET` if the rotation does not fit
 * into the overlap window; `ERR_REKEY_DRIVER` with a mysql2 that is older than 3.23.3.
 *
 * @example
 * const pool = createPool({ host: 'db.internal', database: 'app', credentials })
 * pool.query('SELECT now()', (error, rows) => …)
 */
export const createPool: RekeyMysql2['createPool'] = rekeyMysql2.createPool

/**
 * `mysql2.createConnection` that logs in with what `credentials` hold when it connects. Without `credentials` it is the
 * driver's own. The connection keeps them for life; a new one takes the newest.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` and `ERR_REKEY_OPTION` as {@link createPool}.
 *
 * @example
 * const connection = createConnection({ host: 'db.internal', database: 'app', credentials })
 */
export const createConnection: RekeyMysql2['createConnection'] = rekeyMysql2.createConnection

/**
 * `mysql2.createPoolCluster` whose nodes take `credentials` and `rotation`, each for itself. A node never leaves the
 * cluster because of its credentials.
 *
 * @example
 * const cluster = createPoolCluster()
 * cluster.add('replica', { host: 'replica.internal', database: 'app', credentials })
 */
export const createPoolCluster: RekeyMysql2['createPoolCluster'] = rekeyMysql2.createPoolCluster

// What the driver makes when it is asked for does not go through an import by name.
export const Charsets: typeof mysql.Charsets = driver.Charsets
export const CharsetToEncoding: typeof mysql.CharsetToEncoding = driver.CharsetToEncoding
export const Types: typeof mysql.Types = driver.Types
/** `undefined` with a driver that has none yet. */
export const TypedParameter: typeof driver extends { TypedParameter: infer Value }
  ? Value
  : undefined = own('TypedParameter') as never

// What its types do not know.
export type Pool = mysql.Pool
export const Pool: unknown = own('Pool')
export type PoolCluster = mysql.PoolCluster
export const PoolCluster: unknown = own('PoolCluster')
export type ConnectionConfig = mysql.ConnectionConfig
export const ConnectionConfig: unknown = own('ConnectionConfig')
export const connect: unknown = own('connect')
export const createQuery: unknown = own('createQuery')
export const createConnectionPromise: unknown = own('createConnectionPromise')
export const createPoolPromise: unknown = own('createPoolPromise')
export const createPoolClusterPromise: unknown = own('createPoolClusterPromise')

// What nothing but its types know, so that ours are assignable to them.
export type PrepareStatementInfo = mysql.PrepareStatementInfo
export declare const PrepareStatementInfo: typeof mysql.PrepareStatementInfo

function own(name: string): unknown {
  return (rekeyMysql2 as unknown as Record<string, unknown>)[name]
}

export default rekeyMysql2
