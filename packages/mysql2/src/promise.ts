import type promise from 'mysql2/promise'
import driver from 'mysql2/promise'
import { rekeyPromises } from './module.ts'
import type { PromiseFunctions } from './promise-functions.ts'

// Name by name, as in `index.ts`.
export type * from 'mysql2/promise'
export {
  clearParserCache,
  Connection,
  escape,
  escapeId,
  format,
  PoolConnection,
  raw,
  setMaxParserCache,
} from 'mysql2/promise'
export type { ConnectionOptions, PoolOptions } from './options.ts'
export type { RotatingPromisePoolCluster } from './promise-functions.ts'
export type { RotatingPromisePool } from './promise-pool.ts'

/** `createPool` of `@rekey/mysql2` with promises. */
export const createPool: PromiseFunctions['createPool'] = rekeyPromises.createPool
/** `createConnection` of `@rekey/mysql2` with promises. It bridges a login that the server refuses. */
export const createConnection: PromiseFunctions['createConnection'] = rekeyPromises.createConnection
/** `createPoolCluster` of `@rekey/mysql2` with promises. */
export const createPoolCluster: PromiseFunctions['createPoolCluster'] =
  rekeyPromises.createPoolCluster

export const Charsets: typeof promise.Charsets = driver.Charsets
export const CharsetToEncoding: typeof promise.CharsetToEncoding = driver.CharsetToEncoding
export const Types: typeof promise.Types = driver.Types

/** `undefined` with a driver that has none yet. */
export const TypedParameter: typeof promise extends { TypedParameter: infer Value }
  ? Value
  : undefined = own('TypedParameter') as never

// What its types do not know.
export const PromisePool: unknown = own('PromisePool')
export const PromiseConnection: unknown = own('PromiseConnection')
export const PromisePoolConnection: unknown = own('PromisePoolConnection')

// What nothing but its types know, so that ours are assignable to them.
export type PrepareStatementInfo = promise.PrepareStatementInfo
export declare const PrepareStatementInfo: typeof promise.PrepareStatementInfo
export declare const authPlugins: typeof promise.authPlugins
export declare const createServer: typeof promise.createServer

function own(name: string): unknown {
  return (driver as unknown as Record<string, unknown>)[name]
}

/** The driver's module of promises with our functions: what `import mysql from '@rekey/mysql2/promise'` gives. */
export interface RekeyMysql2Promise
  extends Omit<typeof promise, keyof PromiseFunctions>, PromiseFunctions {}

const rekeyMysql2Promise: RekeyMysql2Promise = Object.defineProperties({} as RekeyMysql2Promise, {
  ...Object.getOwnPropertyDescriptors(driver),
  ...Object.getOwnPropertyDescriptors({ ...rekeyPromises }),
})

export default rekeyMysql2Promise
