import {
  checkCredentials,
  poolTimings,
  type CredentialsCache,
  type RotationOptions,
} from '@rekey/core'
import type pg from 'pg'
import { attachRotation, type PoolRotation } from './attach.ts'
import { checkConfig } from './options.ts'

/** What {@link mikroOrmRotation} gives back. */
export interface MikroOrmRotation {
  /** For MikroORM to call with each of its pools. */
  onPoolCreated(pool: pg.Pool): void
  /** Resolves when no connection is older than the newest version, after the sockets have closed. */
  drained(): Promise<void>
}

/**
 * `driverOptions` for MikroORM 7 with credentials that rotate: each of its pools does as if it were a `Pool` of ours.
 *
 * @param rotation As that of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache; `ERR_REKEY_BUDGET` if the rotation does not fit
 * into the overlap window. From the first query, before it connects, `ERR_REKEY_CONFLICT` for a `password` of MikroORM's own, in
 * `clientUrl` too, and what `attachRotation` throws.
 *
 * @example
 * const driverOptions = mikroOrmRotation(credentials)
 * const orm = await MikroORM.init({ host, dbName, driverOptions, entities })
 */
export function mikroOrmRotation(
  credentials: CredentialsCache,
  rotation: RotationOptions = {},
): MikroOrmRotation {
  checkCredentials(credentials)
  poolTimings(credentials.timings, rotation)
  const rotations: PoolRotation[] = []
  return {
    onPoolCreated(pool) {
      // Nobody has logged in with it yet, so that this password is one that would never be used.
      checkConfig(credentials, pool.options)
      rotations.push(attachRotation(pool, credentials, rotation))
    },
    async drained() {
      await Promise.all(rotations.map((each) => each.drained()))
    },
  }
}
