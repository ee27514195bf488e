import { poolTimings, type CredentialsCache, type RotationOptions } from '@rekey/core'
import {
  otherMikroOrm,
  ownDriverOptions,
  rotatingMikroOrmOptions,
  type MikroOrmLogin,
  type MikroOrmOptions,
  type RotatingMikroOrmOptions,
} from '@rekey/core/libraries'
import type pg from 'pg'
import { attachRotation, type PoolRotation } from './attach.ts'
import { dialects } from './dialects.ts'
import { checkConfig, checkLogin } from './options.ts'

export type { MikroOrmOptions } from '@rekey/core/libraries'

/** `driverOptions` of MikroORM 7. */
export interface MikroOrmRotation {
  /** For MikroORM to call with each of its pools. */
  onPoolCreated(pool: pg.Pool): void
  /** Resolves when no connection is older than the newest version, after the sockets have closed. */
  drained(): Promise<void>
}

/**
 * Options for MikroORM 7 with credentials that rotate: each of its pools does as if it were a `Pool` of ours.
 *
 * @param options MikroORM's own, without a user and a password. `driverOptions` is what MikroORM takes, but for a Kysely or a
 * dialect of your own.
 * @param rotation As that of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials, in `clientUrl` too; `ERR_REKEY_OPTION` for
 * `credentials` that are not a cache, and for `driverOptions` that are not plain; `ERR_REKEY_BUDGET` if the rotation does not fit
 * into the overlap window. From MikroORM, before the first query, `ERR_REKEY_CONFLICT` for a password that it found elsewhere,
 * `ERR_REKEY_OPTION` where it is not that of PostgreSQL, `ERR_REKEY_DRIVER` for MikroORM 6, and what `attachRotation` throws.
 *
 * @example
 * const options = mikroOrmRotation(credentials, { host, dbName, entities })
 * const orm = await MikroORM.init(options)
 */
export function mikroOrmRotation<Options extends MikroOrmOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation?: RotationOptions,
): RotatingMikroOrmOptions<Options, MikroOrmRotation>
export function mikroOrmRotation(
  credentials: CredentialsCache,
  options: MikroOrmOptions,
  rotation: RotationOptions = {},
): object {
  const checkOwn = ({ password, clientUrl }: MikroOrmLogin): void => {
    const login = { password, connectionString: clientUrl } as pg.ClientConfig
    checkLogin(credentials, login, 'clientUrl')
  }
  const own = ownDriverOptions(options, checkOwn, 'plain options, such as { ssl }')
  poolTimings(credentials.timings, rotation)
  const rotations: PoolRotation[] = []
  const driverOptions = {
    ...own,
    onPoolCreated(pool: pg.Pool) {
      // MikroORM hands the pool all of its driverOptions, and the driver would take this one for a connection of its own.
      delete (pool.options as { connection?: unknown }).connection
      // Nobody has logged in with it yet, so that this password is one that would never be used.
      checkConfig(credentials, pool.options)
      rotations.push(attachRotation(pool, credentials, rotation))
      ;(own as Partial<MikroOrmRotation>).onPoolCreated?.(pool)
    },
    async drained() {
      await Promise.all(rotations.map((each) => each.drained()))
    },
    // What the Knex of MikroORM 6 asks for how to connect.
    connection() {
      throw otherMikroOrm('MikroORM 6', 'knexRotation of @rekey/pg/knex in its driverOptions')
    },
  }
  return rotatingMikroOrmOptions(options, driverOptions, { ...dialects, names: ['pg'] }, checkOwn)
}
