import type { CredentialsCache } from '@rekey/core'
import pg from 'pg'
import { Client, clientClass } from './client.ts'
import { checkCredentials } from './options.ts'
import { Pool, poolClass } from './pool.ts'

/**
 * The driver's module with a `Pool` and a `Client` that rotate, for libraries that take a module: `driver` of
 * TypeORM, `dialectModule` and `pgModule` of Sequelize, `pgp.pg` of pg-promise.
 *
 * @param driver The copy of `pg` that the library would use. Default: the one next to this package.
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache. Its classes throw as ours do.
 *
 * @example
 * new DataSource({ type: 'postgres', driver: rotatingPg(credentials), host, database: 'app' })
 */
export function rotatingPg(credentials: CredentialsCache, driver: typeof pg = pg): typeof pg {
  checkCredentials(credentials)
  const OurClient = clientClass(driver, credentials)
  // A spread, not a prototype: the module's `native` getter would go around us.
  return { ...driver, Pool: poolClass(driver, OurClient, credentials), Client: OurClient }
}

type Driver = typeof pg

/** The driver's module with our `Pool` and `Client`: what `import pg from '@rekey/pg'` gives. */
export interface RekeyPg extends Omit<Driver, 'Pool' | 'Client'> {
  Pool: typeof Pool
  Client: typeof Client
}

const rekeyPg: RekeyPg = { ...pg, Pool, Client }
export default rekeyPg
