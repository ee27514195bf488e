import { count, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  checkKnexConfig,
  knexMax,
  rotatingKnexConfig,
  type KnexConfig,
  type RotatingKnexConfig,
} from '@rekey/core/libraries'
import mysql from 'mysql2'
import { dialects } from './dialects.ts'
import type { Driver } from './driver.ts'
import { checkOptions, withoutLogin } from './options.ts'
import { theirConnections } from './their-pool.ts'

const driver = mysql as unknown as Driver

/** In a type that all of knex's own have something in common with. */
interface Settings {
  host?: string
}

/**
 * A configuration for knex 3.2 with credentials that rotate. From knex 3.3 on give `connectionPool` a pool of
 * `@rekey/mysql2/promise` instead: it opens replacements ahead, and says when it is drained.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by the pool's `idleTimeoutMillis`. The pool's `min` is 0
 * for that.
 *
 * @param config knex's own, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, and `maxRefusals`, with the defaults of `createPool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password or a `connectionPool` beside the credentials;
 * `ERR_REKEY_OPTION` for a `client` that is not `mysql2`, a `connection` that is not an object or a URL, a `pool.min` above 0 or a
 * `pool.max` of none; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. From the first query,
 * before it connects, `ERR_REKEY_DRIVER` for a knex below 3.2, which would never give up a connection.
 *
 * @example
 * const db = knex(knexRotation(credentials, { client: 'mysql2', connection: { host, database }, pool: { max: 20 } }))
 */
export function knexRotation<Config extends KnexConfig>(
  credentials: CredentialsCache,
  config: Config,
  rotation: TheirRotation = {},
): RotatingKnexConfig<Config, mysql.Connection, Settings> {
  const connection = checkKnexConfig(config, dialects, 'a pool of @rekey/mysql2/promise')
  const isUrl = typeof connection === 'string'
  const options = isUrl ? { uri: connection } : connection
  checkOptions(driver, credentials, options, isUrl ? 'connection' : undefined)
  // knex reads the database's name from them.
  const settings: Settings = withoutLogin(
    isUrl ? driver.ConnectionConfig.parseUrl(connection) : connection,
  )
  const max = count('pool.max', config.pool?.max ?? knexMax, 1)
  const { createConnection, leaves } = theirConnections(driver, credentials, {
    max,
    rotation,
  })
  return rotatingKnexConfig(config, { settings, module: { createConnection }, leaves })
}
