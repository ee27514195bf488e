import type mysql from 'mysql2'
import driver from 'mysql2'
import { rekeyMysql2, type RekeyMysql2 } from './module.ts'

// Name by name: with `export *` the driver's whole module would stand in the place of ours under `require`.
export type * from 'mysql2'
export {
  authPlugins,
  clearParserCache,
  Connection,
  PoolConnection,
  setMaxParserCache,
} from 'mysql2'
export { createServer, escape, escapeId, format, raw } from 'mysql2'
export { rotatingMysql2 } from './module.ts'
export type { RekeyMysql2 } from './module.ts'
export type { ConnectionOptions, PoolOptions } from './options.ts'
export type { RotatingPool } from './pool.ts'
export type { RotatingPromisePool } from './promise-pool.ts'

export const createPool: RekeyMysql2['createPool'] = rekeyMysql2.createPool

export { createConnection, createPoolCluster } from 'mysql2'

// What the driver makes when it is asked for does not go through an import by name.
export const Charsets: typeof mysql.Charsets = driver.Charsets
export const CharsetToEncoding: typeof mysql.CharsetToEncoding = driver.CharsetToEncoding
export const Types: typeof mysql.Types = driver.Types
/** `undefined` with a driver that has none yet. */
export const TypedParameter: ModuleOf<'TypedParameter'> = own(
  'TypedParameter',
) as ModuleOf<'TypedParameter'>

// What its types do not know.
export type Pool = mysql.Pool
export const Pool: unknown = own('Pool')
export type PoolCluster = mysql.PoolCluster
export const PoolCluster: unknown = own('PoolCluster')
export type ConnectionConfig = mysql.ConnectionConfig
export const ConnectionConfig: unknown = own('ConnectionConfig')
export const createQuery: unknown = own('createQuery')

type ModuleOf<Name extends string> =
  typeof driver extends Record<Name, infer Value> ? Value : undefined

function own(name: string): unknown {
  return (rekeyMysql2 as unknown as Record<string, unknown>)[name]
}

export default rekeyMysql2
