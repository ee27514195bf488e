// Checked by the compiler alone: `tsc -b` fails where a line of this is wrong.

import type { CredentialsCache, GenerationCounts, RotationOptions } from '@rekey/core'
import driver from 'mysql2'
import type driverPromise from 'mysql2/promise'
import rekey, {
  createConnection,
  createPool,
  createPoolCluster,
  rotatingMysql2,
  type ConnectionOptions,
  type PoolOptions,
  type RotatingPool,
} from '../src/index.ts'
import { knexRotation } from '../src/knex.ts'
import { mikroOrmRotation, type MysqlDialect } from '../src/mikro-orm.ts'
import promise, {
  createPool as createPromisePool,
  type RotatingPromisePool,
} from '../src/promise.ts'
import { sequelizeRotation } from '../src/sequelize.ts'

declare const credentials: CredentialsCache
declare const dialect: MysqlDialect

/** Fails to compile unless it is given `true`. */
type Holds<Claim extends true> = Claim

type IsAny<Type> = 0 extends 1 & Type ? true : false

type Equal<A, B> = [A, B, IsAny<A>] extends [B, A, IsAny<B>] ? true : false

type Assignable<From, To> = [From] extends [To] ? true : false

// Wherever the ecosystem takes the driver's own, it takes ours.

export const pool: driver.Pool = createPool({ host: 'db.internal', database: 'app', credentials })
export const fromUri: driver.Pool = createPool('mysql://db.internal/app')
export const connection: driver.Connection = createConnection({ credentials })
export const cluster: driver.PoolCluster = createPoolCluster()
export const promisePool: driverPromise.Pool = createPromisePool({ credentials })
export const promisePoolOfPool: driverPromise.Pool = createPool({ credentials }).promise()
export const promiseCluster: driverPromise.PoolCluster = promise.createPoolCluster()
export const promiseConnection: Promise<driverPromise.Connection> = promise.createConnection({
  credentials,
})
export const fromDefault: typeof driver = rekey
export const fromPromiseDefault: typeof driverPromise = promise
export const fromModule: typeof driver = rotatingMysql2(credentials)
export const fromCopy: typeof driver = rotatingMysql2(credentials, driver)
export const shim: typeof driver = { ...driver, createPool, createConnection, createPoolCluster }

export type OursForTheirs = [
  Holds<Assignable<driver.PoolOptions, PoolOptions>>,
  Holds<Assignable<driver.ConnectionOptions, ConnectionOptions>>,
  Holds<Assignable<RotatingPool, driver.Pool>>,
  Holds<Assignable<RotatingPromisePool, driverPromise.Pool>>,
]

export const accepted: unknown[] = [
  createPool({}),
  createPool({ credentials: undefined, rotation: undefined, endDeadline: undefined }),
  createPool({ credentials, rotation: { atOnce: 2, spread: 1_000, atDrainDeadline: 'cancel' } }),
  createPool({ credentials, endDeadline: 5_000, connectionLimit: 3, ssl: {}, flags: ['-ODBC'] }),
  createConnection('mysql://db.internal/app'),
  createPoolCluster({ canRetry: false }).add('node', { credentials, rotation: {} }),
  createPoolCluster().add({ credentials }),
  createPoolCluster().add('node', 'mysql://db.internal/app'),
  promise.createPoolCluster().add('node', { credentials }),
  // Wherever there is a rotation to set.
  createPool({ credentials, rotation: { maxRefusals: 2 } }),
  createPoolCluster().add('node', { credentials, rotation: { maxRefusals: 2 } }),
  knexRotation(credentials, { client: 'mysql2', connection: {} }, { maxRefusals: 2 }),
  sequelizeRotation(credentials, { dialect: 'mysql' }, { maxRefusals: 2 }),
  mikroOrmRotation(credentials, { dbName: 'app' }, { maxRefusals: 2 }),
  mikroOrmRotation(credentials, { dbName: 'app' }, { MysqlDialect: dialect, atOnce: 2 }),
]

export const refused: unknown[] = [
  // @ts-expect-error -- no such option
  createPool({ hots: 'db.internal' }),
  // @ts-expect-error -- no such option
  createConnection({ datbase: 'app', credentials }),
  // @ts-expect-error -- not a cache
  createPool({ credentials: { user: 'app', password: 'secret' } }),
  // @ts-expect-error -- not a cache
  createConnection({ credentials: 'secret' }),
  // @ts-expect-error -- a connection does not rotate
  createConnection({ credentials, rotation: {} }),
  // @ts-expect-error -- no such option
  createPool({ credentials, rotation: { atonce: 1 } }),
  // @ts-expect-error -- no such word
  createPool({ credentials, rotation: { atDrainDeadline: 'kill' } }),
  // @ts-expect-error -- Knex rotates one at a time
  mikroOrmRotation(credentials, { dbName: 'app' }, { atOnce: 2 }),
  // @ts-expect-error -- not a dialect
  mikroOrmRotation(credentials, { dbName: 'app' }, { MysqlDialect: Map }),
  // @ts-expect-error -- credentials are required
  rotatingMysql2(),
]

// Methods, in every form, have the driver's types.
export async function methods(ours: RotatingPool, theirs: RotatingPromisePool): Promise<unknown> {
  ours.getConnection((error, lent) => {
    lent.release()
    return [error satisfies Error | null, lent satisfies driver.PoolConnection]
  })
  ours.query('SELECT ?', [1], (error, rows) => [error satisfies driver.QueryError | null, rows])
  ours.on('connection', (each) => each.threadId satisfies number)
  ours.on('drained', (message) => message.version satisfies string)
  theirs.on('drained', (message) => message.after satisfies number)
  theirs.on('release', (each) => each.threadId satisfies number)
  const lent = await theirs.getConnection()
  const [rows] = await theirs.query<driver.RowDataPacket[]>('SELECT 1')
  type Seen = [
    Holds<Equal<typeof lent, driverPromise.PoolConnection>>,
    Holds<Equal<typeof rows, driver.RowDataPacket[]>>,
  ]
  return [true, true] satisfies Seen
}

// The types of the driver are there by their names.
export type {
  FieldPacket,
  OkPacket,
  Pool,
  PoolCluster,
  PoolConnection,
  QueryError,
  ResultSetHeader,
  RowDataPacket,
} from '../src/index.ts'
export type { Connection, Pool as PromisePool } from '../src/promise.ts'

// Nothing that we have added is `any`.
export type Added = [
  Holds<Equal<RotatingPool['generations'], GenerationCounts[]>>,
  Holds<Equal<ReturnType<RotatingPool['drained']>, Promise<void>>>,
  Holds<Equal<RotatingPromisePool['generations'], GenerationCounts[]>>,
  Holds<Equal<ReturnType<RotatingPromisePool['drained']>, Promise<void>>>,
  Holds<Equal<PoolOptions['credentials'], CredentialsCache | undefined>>,
  Holds<Equal<PoolOptions['rotation'], RotationOptions | undefined>>,
  Holds<Equal<PoolOptions['endDeadline'], number | undefined>>,
  Holds<Equal<ConnectionOptions['credentials'], CredentialsCache | undefined>>,
  Holds<Equal<IsAny<Parameters<typeof createPool>[0]>, false>>,
  Holds<Equal<IsAny<ReturnType<typeof createPoolCluster>>, false>>,
]
