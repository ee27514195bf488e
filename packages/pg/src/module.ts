import { checkCredentials, replaceMembers, type CredentialsCache } from '@rekey/core'
import { driverOf, otherDatabase } from '@rekey/core/libraries'
import pg from 'pg'
import { Client, clientClass, type Client as OurClient } from './client.ts'
import type { ClientConfig as OurClientConfig, PoolConfig as OurPoolConfig } from './options.ts'
import { Pool, poolClass, type Pool as OurPool } from './pool.ts'

/**
 * The driver's module with a `Pool` and a `Client` that rotate, for libraries that take a module: `driver` of
 * TypeORM, `dialectModule` and `pgModule` of Sequelize, `pgp.pg` of pg-promise.
 *
 * @param driver The copy of `pg` that the library would use. Default: the one next to this package.
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache. Its classes throw as ours do. Where a library
 * takes it for a driver of MySQL, SQL Server, SQLite or Oracle, `ERR_REKEY_DRIVER` when that
 * connects.
 *
 * @example
 * new DataSource({ type: 'postgres', driver: rotatingPg(credentials), host, database: 'app' })
 */
export function rotatingPg(credentials: CredentialsCache, driver: typeof pg = pg): typeof pg {
  checkCredentials(credentials)
  const Rotating = clientClass(driver, credentials)
  const rotating = Object.assign(isNotForSqlite.bind(undefined), {
    ...driver,
    Pool: poolClass(driver, Rotating, credentials),
    Client: Rotating,
    // As where pg-native is not installed: its classes would go around us.
    native: null,
  })
  // What a driver of MySQL is asked for, of SQL Server, and of Oracle, which answers a callback.
  replaceMembers<object>(rotating, {
    createConnection: isForPostgres,
    createPool: (_config: unknown, callback?: unknown) =>
      callback === undefined ? isForPostgres() : isNotForOracle(),
    createPoolCluster: isForPostgres,
    ConnectionPool: isNotForSqlServer,
  })
  return rotating
}

function isForPostgres(): never {
  throw otherDatabase('rotatingPg of @rekey/pg', 'rotatingMysql2 of @rekey/mysql2')
}

function isNotForSqlServer(): never {
  throw otherDatabase('rotatingPg of @rekey/pg', driverOf('SQL Server'))
}

function isNotForOracle(): never {
  throw otherDatabase('rotatingPg of @rekey/pg', driverOf('Oracle'))
}

// The module of better-sqlite3 is a class, and so is this where it is called with `new`.
function isNotForSqlite(): never {
  throw otherDatabase('rotatingPg of @rekey/pg', driverOf('SQLite'))
}

type Driver = typeof pg

/** The driver's module with our `Pool` and `Client`: what `import pg from '@rekey/pg'` gives. */
export interface RekeyPg extends Omit<Driver, 'Pool' | 'Client'> {
  Pool: typeof Pool
  Client: typeof Client
}

const rekeyPg: RekeyPg = Object.defineProperty<RekeyPg>({ ...pg, Pool, Client }, 'native', {
  // The driver loads pg-native when it is asked for, and not before.
  get: () => pg.native,
  configurable: true,
})

/** The driver's types by the names that they have in its own default export: `pg.PoolClient` and the others. */
declare namespace rekeyPg {
  type Pool = OurPool
  type Client = OurClient
  type PoolConfig = OurPoolConfig
  type ClientConfig = OurClientConfig
  type BindConfig = pg.BindConfig
  type ClientBase = pg.ClientBase
  type Connection = pg.Connection
  type ConnectionConfig = pg.ConnectionConfig
  type CustomTypesConfig = pg.CustomTypesConfig
  type DatabaseError = pg.DatabaseError
  type Defaults = pg.Defaults
  type Events = pg.Events
  type ExecuteConfig = pg.ExecuteConfig
  type FieldDef = pg.FieldDef
  type MessageConfig = pg.MessageConfig
  type Notification = pg.Notification
  type PoolClient = pg.PoolClient
  type PoolOptions = pg.PoolOptions
  type Query = pg.Query
  type QueryArrayConfig<Values = unknown[]> = pg.QueryArrayConfig<Values>
  type QueryArrayResult<Row extends unknown[] = unknown[]> = pg.QueryArrayResult<Row>
  type QueryConfig<Values = unknown[]> = pg.QueryConfig<Values>
  type QueryConfigValues<Values> = pg.QueryConfigValues<Values>
  type QueryParse = pg.QueryParse
  type QueryResult<Row extends pg.QueryResultRow = pg.QueryResultRow> = pg.QueryResult<Row>
  type QueryResultBase = pg.QueryResultBase
  type QueryResultRow = pg.QueryResultRow
  type Result = pg.Result
  type ResultBuilder<Row extends pg.QueryResultRow = pg.QueryResultRow> = pg.ResultBuilder<Row>
  type Submittable = pg.Submittable
  type TypeOverrides = pg.TypeOverrides
}

export default rekeyPg
