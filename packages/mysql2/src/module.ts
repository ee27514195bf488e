import { checkCredentials, replaceMembers, type CredentialsCache } from '@rekey/core'
import { driverOf, otherDatabase } from '@rekey/core/libraries'
import driver from 'mysql2'
import { checkDriver, type Driver } from './driver.ts'
import { functionsFor, type Functions } from './functions.ts'
import { promiseFunctions, type PromiseFunctions } from './promise-functions.ts'

type DriverModule = typeof driver

/** The driver's module with our functions: what `import mysql from '@rekey/mysql2'` gives. */
export interface RekeyMysql2 extends Omit<DriverModule, keyof Functions>, Functions {}

/** A copy of the driver's module with our functions, and credentials for what brings none. */
function moduleFor(
  copy: DriverModule,
  functions: Functions,
  promises: PromiseFunctions,
  target: object = {},
): RekeyMysql2 {
  const ours = {
    ...functions,
    connect: functions.createConnection,
    createConnectionPromise: promises.createConnection,
    createPoolPromise: promises.createPool,
    createPoolClusterPromise: promises.createPoolCluster,
  }
  // With its getters: the driver loads some of its parts when they are asked for.
  const { ...theirs } = Object.getOwnPropertyDescriptors(copy)
  return Object.defineProperties(target as RekeyMysql2, {
    ...theirs,
    ...Object.getOwnPropertyDescriptors(ours),
  })
}

/**
 * The driver's module with functions whose pools and connections rotate, for libraries that take a module: `driver` of
 * TypeORM, `dialectModule` of Sequelize.
 *
 * @param copy The copy of `mysql2` that the library would use. Default: the one next to this package.
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache; `ERR_REKEY_DRIVER` for a copy that
 * is too old, and where a library that takes it for a driver of PostgreSQL, SQL Server, SQLite or Oracle connects. Its functions
 * throw as ours do.
 *
 * @example
 * new DataSource({ type: 'mysql', driver: rotatingMysql2(credentials), host, database: 'app' })
 */
export function rotatingMysql2(
  credentials: CredentialsCache,
  copy: DriverModule = driver,
): RekeyMysql2 {
  checkCredentials(credentials)
  checkDriver(copy as unknown as Driver)
  const internals = copy as unknown as Driver
  const functions = functionsFor(internals, credentials)
  const rotating = moduleFor(
    copy,
    functions,
    promiseFunctions(internals, functions, credentials),
    isNotForSqlite.bind(undefined),
  )
  // What a driver of PostgreSQL is asked for, of SQL Server, and of Oracle, which answers a callback.
  replaceMembers<object>(rotating, {
    createPool: (config: string, callback?: unknown) =>
      callback === undefined ? functions.createPool(config) : isNotForOracle(),
    Client: isForMysql,
    ConnectionPool: isNotForSqlServer,
    Pool: new Proxy(internals.Pool, {
      construct(Own, given, made): object {
        const [options] = given as [{ config?: unknown } | undefined]
        // A pool of this driver is made by its functions, with that.
        return options?.config === undefined ? isForMysql() : Reflect.construct(Own, given, made)
      },
    }),
  })
  return rotating
}

// Called, or called with `new`.
function isForMysql(): never {
  throw otherDatabase('rotatingMysql2 of @rekey/mysql2', 'rotatingPg of @rekey/pg')
}

function isNotForSqlServer(): never {
  throw otherDatabase('rotatingMysql2 of @rekey/mysql2', driverOf('SQL Server'))
}

function isNotForOracle(): never {
  throw otherDatabase('rotatingMysql2 of @rekey/mysql2', driverOf('Oracle'))
}

// The module of better-sqlite3 is a class, and so is this where it is called with `new`.
function isNotForSqlite(): never {
  throw otherDatabase('rotatingMysql2 of @rekey/mysql2', driverOf('SQLite'))
}

const internals = driver as unknown as Driver
const ownFunctions = functionsFor(internals)

export const rekeyPromises: PromiseFunctions = promiseFunctions(internals, ownFunctions)

export const rekeyMysql2: RekeyMysql2 = moduleFor(driver, ownFunctions, rekeyPromises)
