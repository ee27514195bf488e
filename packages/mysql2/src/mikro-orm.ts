import {
  invalid,
  poolTimings,
  RekeyError,
  type CredentialsCache,
  type RotationOptions,
  type TheirRotation,
} from '@rekey/core'
import {
  onlyDialects,
  onlyObject,
  otherMikroOrm,
  ownDriverOptions,
  rotatingMikroOrmOptions,
  type MikroOrmLogin,
  type MikroOrmOptions as CommonOptions,
  type RotatingMikroOrmOptions,
} from '@rekey/core/libraries'
import mysql from 'mysql2'
import { dialects } from './dialects.ts'
import type { Driver } from './driver.ts'
import { knexRotation } from './knex.ts'
import { rekeyMysql2 } from './module.ts'
import { checkOptions, checkPoolOptions, withoutLogin, type PoolOptions } from './options.ts'
import type { RotatingPool } from './pool.ts'

const driver = mysql as unknown as Driver

/** What is read of MikroORM's options. */
export interface MikroOrmOptions extends CommonOptions {
  host?: string
  port?: number
  timezone?: string
  forceUtcTimezone?: boolean
  multipleStatements?: boolean
  pool?: { min?: number; max?: number; idleTimeoutMillis?: number }
  replicas?: unknown
  onCreateConnection?: ConnectionHook
  onReserveConnection?: ConnectionHook
}

type ConnectionHook = (connection: unknown) => Promise<void>

interface KyselyDialect {
  createDriver(): object
  createQueryCompiler(): object
  createAdapter(): object
  createIntrospector(db: never): object
}

/** Kysely's class of that name. */
export type MysqlDialect = new (config: {
  pool: () => Promise<RotatingPool>
  onCreateConnection?: ConnectionHook
  onReserveConnection?: ConnectionHook
}) => KyselyDialect

/** `driverOptions` of MikroORM 7. */
export interface MikroOrmRotation extends KyselyDialect {
  /** Resolves when no connection is older than the newest version, after the sockets have closed. */
  drained(): Promise<void>
}

/** `driverOptions` of MikroORM 6. */
export type MikroOrm6Rotation = Pick<ReturnType<typeof knexRotation>, 'connection' | 'pool'>

/**
 * Options for MikroORM with credentials that rotate: for 7, which builds on Kysely, with its `MysqlDialect`, and for 6 without.
 *
 * @param options MikroORM's own, without a user and a password. `driverOptions` is what MikroORM takes, but for a Kysely or a
 * dialect of your own.
 * @param rotation As that of `createPool`, with the `MysqlDialect`. For MikroORM 6 as that of `knexRotation`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials, in `clientUrl` too; `ERR_REKEY_OPTION` for
 * `replicas`, which would all be the server of `host`, for `driverOptions` that are not plain, for a `MysqlDialect` that is no class,
 * and with MikroORM 6 for a `pool.min` above 0; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. From
 * MikroORM, before the first query, `ERR_REKEY_CONFLICT` for a password that it found elsewhere, `ERR_REKEY_OPTION` where it is
 * not that of MySQL, and `ERR_REKEY_DRIVER` where its version is the other one.
 *
 * @example
 * const options = mikroOrmRotation(credentials, { host, dbName, entities }, { MysqlDialect })
 * const orm = await MikroORM.init(options)
 */
export function mikroOrmRotation<Options extends MikroOrmOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation: RotationOptions & { MysqlDialect: MysqlDialect },
): RotatingMikroOrmOptions<Options, MikroOrmRotation>
export function mikroOrmRotation<Options extends MikroOrmOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation?: TheirRotation & { MysqlDialect?: undefined },
): RotatingMikroOrmOptions<Options, MikroOrm6Rotation>
export function mikroOrmRotation(
  credentials: CredentialsCache,
  options: MikroOrmOptions,
  given: RotationOptions & { MysqlDialect?: MysqlDialect | undefined } = {},
): object {
  onlyObject('rotation', given, '{ MysqlDialect }')
  const { MysqlDialect, ...rotation } = given
  const checkLogin = ({ password, clientUrl }: MikroOrmLogin): void => {
    const login = { password, uri: clientUrl } as mysql.ConnectionOptions
    checkOptions(driver, credentials, login, 'clientUrl')
  }
  const own = ownDriverOptions(options, checkLogin, plain)
  noReplicas(options)
  const driverOptions =
    MysqlDialect === undefined
      ? knexOptions(credentials, options, own, rotation)
      : dialectOf(credentials, options, MysqlDialect, rotation)
  return rotatingMikroOrmOptions(options, driverOptions, dialects, checkLogin)
}

/** What MikroORM 7 takes for a dialect of Kysely, and what 6 cannot take. */
function dialectOf(
  credentials: CredentialsCache,
  options: MikroOrmOptions,
  Dialect: MysqlDialect,
  rotation: RotationOptions,
): object {
  if (typeof Dialect !== 'function') {
    throw invalid('MysqlDialect', Dialect, "Kysely's class MysqlDialect")
  }
  const { pool: { min = 0, max, idleTimeoutMillis } = {}, forceUtcTimezone = true } = options
  const { onCreateConnection, onReserveConnection } = options
  const poolOptions: PoolOptions = {
    ...connectionOf({ ...options, forceUtcTimezone }),
    ...onlyGiven({ connectionLimit: max, idleTimeout: idleTimeoutMillis }),
    // The driver closes what is idle down to this.
    ...(idleTimeoutMillis === undefined ? {} : { maxIdle: min }),
    ...options.driverOptions,
  }
  checkPoolOptions(driver, credentials, poolOptions)
  poolTimings(credentials.timings, rotation)
  const settings: PoolOptions = { ...withoutLogin(poolOptions), credentials, rotation }
  const pools: RotatingPool[] = []
  const dialect = new Dialect({
    ...onlyGiven({ onCreateConnection, onReserveConnection }),
    // When it connects, and when it connects again after it was closed.
    async pool() {
      const pool = rekeyMysql2.createPool(settings)
      pools.push(pool)
      return pool
    },
  })
  return {
    createDriver: () => dialect.createDriver(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db: never) => dialect.createIntrospector(db),
    async drained() {
      await Promise.all(pools.map((pool) => pool.drained()))
    },
    connection() {
      throw otherMikroOrm('MikroORM 6 with a MysqlDialect', 'no dialect')
    },
  }
}

/** What MikroORM 6 gives its Knex, and what 7 takes for a dialect that fails. */
function knexOptions(
  credentials: CredentialsCache,
  options: MikroOrmOptions,
  own: { connection?: object; pool?: object },
  rotation: TheirRotation,
): object {
  const config = {
    client: 'mysql2',
    connection: { ...connectionOf(options), ...own.connection },
    pool: { ...options.pool, ...own.pool },
  }
  const { connection, pool } = knexRotation(credentials, config, rotation)
  return {
    ...own,
    pool,
    connection(this: { driverName?: unknown } | undefined) {
      onlyDialects('driver', this?.driverName, dialects)
      return connection.call(this)
    },
    createDriver() {
      throw otherMikroOrm('MikroORM 7 without a dialect', 'the MysqlDialect of kysely')
    },
  }
}

/** What MikroORM says to connections of its own, but for the login. */
function connectionOf(options: MikroOrmOptions): PoolOptions {
  const { clientUrl, host, port, dbName, forceUtcTimezone, timezone, multipleStatements } = options
  const url = clientUrl === undefined ? undefined : new URL(clientUrl)
  return {
    host: host ?? (decodeURIComponent(url?.hostname ?? '') || '127.0.0.1'),
    port: port ?? (Number(url?.port) || 3306),
    database: dbName ?? decodeURIComponent(url?.pathname ?? '').slice(1),
    ...onlyGiven({
      timezone: timezone ?? (forceUtcTimezone ? 'Z' : undefined),
      multipleStatements,
    }),
    supportBigNumbers: true,
    dateStrings: true,
  }
}

type Given<Values> = { [Key in keyof Values]?: Exclude<Values[Key], undefined> }

function onlyGiven<Values extends object>(values: Values): Given<Values> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Given<Values>
}

const plain = 'plain options, such as { ssl }, or { connection: { ssl } } with MikroORM 6'

function noReplicas({ replicas }: MikroOrmOptions): void {
  if (replicas === undefined) return
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    'replicas would read from the server of host: MikroORM gives them all the same driverOptions. Leave replicas out.',
    { option: 'replicas', given: 'a value', allowed: 'none' },
  )
}
