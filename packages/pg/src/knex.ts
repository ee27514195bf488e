import { count, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  checkKnexConfig,
  knexMax,
  rotatingKnexConfig,
  type KnexConfig,
  type RotatingKnexConfig,
} from '@rekey/core/libraries'
import pg from 'pg'
import { dialects } from './dialects.ts'
import { checkConfig } from './options.ts'
import { theirClients } from './their-pool.ts'

/** In a type that all of knex's own have something in common with. */
interface Settings {
  connectionString?: string
}

/**
 * A configuration for knex 3.2 with credentials that rotate. From knex 3.3 on give `connectionPool` a `Pool` instead: it
 * opens replacements ahead, and says when it is drained.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by the pool's `idleTimeoutMillis`. The pool's `min` is 0
 * for that.
 *
 * @param config knex's own, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, and `maxRefusals`, with the defaults of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password or a `connectionPool` beside the credentials;
 * `ERR_REKEY_OPTION` for a `client` that is not PostgreSQL, a `connection` that is not an object or a URL, a `pool.min` above 0
 * or a missing `database`; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. From the first query,
 * before it connects, `ERR_REKEY_DRIVER` for a knex below 3.2, which would never give up a connection.
 *
 * @example
 * const db = knex(knexRotation(credentials, { client: 'pg', connection: { host, database }, pool: { max: 20 } }))
 */
export function knexRotation<Config extends KnexConfig>(
  credentials: CredentialsCache,
  config: Config,
  rotation: TheirRotation = {},
): RotatingKnexConfig<Config, pg.Client, Settings> {
  const connection = checkKnexConfig(config, dialects, 'a Pool of @rekey/pg')
  const isUrl = typeof connection === 'string'
  const settings: Settings = isUrl ? { connectionString: connection } : connection
  checkConfig(credentials, settings, isUrl ? 'connection' : undefined)
  const { Client, leaves } = theirClients(credentials, {
    Client: pg.Client,
    max: count('pool.max', config.pool?.max ?? knexMax, 1),
    rotation,
  })
  return rotatingKnexConfig(config, { settings, module: { Client }, leaves })
}
