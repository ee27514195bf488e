import type { CredentialsCache } from '@rekey/core'
import driver from 'mysql2'
import type { Driver } from './driver.ts'
import { checkCredentials } from './options.ts'
import { poolFactory, type CreatePool } from './pool.ts'
import { promiseFunctions, type PromiseFunctions } from './promise-functions.ts'

type DriverModule = typeof driver

/** What stands in the place of the driver's own. */
export interface Functions {
  createPool: CreatePool
}

/** The driver's module with our functions: what `import mysql from '@rekey/mysql2'` gives. */
export interface RekeyMysql2 extends Omit<DriverModule, keyof Functions>, Functions {}

/** A copy of the driver's module with our functions, and credentials for what brings none. */
function moduleFor(copy: DriverModule, ownCredentials?: CredentialsCache): RekeyMysql2 {
  const internals = copy as unknown as Driver
  const functions: Functions = { createPool: poolFactory(internals, ownCredentials) }
  const promises = promiseFunctions(internals, functions)
  return Object.defineProperties({} as RekeyMysql2, {
    // With their getters: the driver loads some of its parts when they are asked for.
    ...Object.getOwnPropertyDescriptors(copy),
    ...Object.getOwnPropertyDescriptors({
      ...functions,
      createPoolPromise: promises.createPool,
    }),
  })
}

/**
 * The driver's module with pools that rotate, for libraries that take a module: `driver` of TypeORM, `dialectModule` of
 * Sequelize.
 *
 * @param copy The copy of `mysql2` that the library would use. Default: the one next to this package.
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache. Its functions throw as ours do.
 *
 * @example
 * new DataSource({ type: 'mysql', driver: rotatingMysql2(credentials), host, database: 'app' })
 */
export function rotatingMysql2(
  credentials: CredentialsCache,
  copy: DriverModule = driver,
): RekeyMysql2 {
  checkCredentials(credentials)
  return moduleFor(copy, credentials)
}

export const rekeyMysql2: RekeyMysql2 = moduleFor(driver)

export const rekeyPromises: PromiseFunctions = promiseFunctions(
  driver as unknown as Driver,
  rekeyMysql2,
)
