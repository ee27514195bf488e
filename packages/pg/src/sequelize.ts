import { count, invalid, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  readSequelizeOptions,
  type Sequelize7Options,
  type Sequelize7Rotation,
  type SequelizeNames,
  type SequelizeOptions,
  type SequelizeRotation,
} from '@rekey/core/libraries'
import pg from 'pg'
import { checkConfig } from './options.ts'
import { theirClients } from './their-pool.ts'

const names: SequelizeNames = {
  adapter: '@rekey/pg',
  database: 'PostgreSQL',
  names: ['postgres'],
  elsewhere: {
    mysql: 'For MySQL there is @rekey/mysql2.',
    MySqlDialect: 'For MySQL there is @rekey/mysql2.',
  },
  module: 'pgModule',
  url: 'connectionString',
  port: 5432,
}

/**
 * Options for Sequelize 6 and 7 with credentials that rotate.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by `pool.idle`.
 *
 * @param options Sequelize's own, with `host` and `database`, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, and `maxRefusals`, with the defaults of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials (in the URL of Sequelize 6 when it
 * connects); `ERR_REKEY_OPTION` for a `dialect` that is not PostgreSQL, for `native`, `replication`, a `pool.min` above 0 or a
 * missing `database`; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window.
 *
 * @example
 * const sequelize = new Sequelize(sequelizeRotation(credentials, { dialect: 'postgres', host, database }))
 */
export function sequelizeRotation<Options extends SequelizeOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation?: TheirRotation,
): Options & SequelizeRotation
export function sequelizeRotation<Options extends Sequelize7Options>(
  credentials: CredentialsCache,
  options: Options,
  rotation?: TheirRotation,
): Options & Sequelize7Rotation<'pgModule', typeof pg>
export function sequelizeRotation(
  credentials: CredentialsCache,
  options: SequelizeOptions | Sequelize7Options,
  rotation: TheirRotation = {},
): object {
  const { module, server, url, max } = readSequelizeOptions(options, names)
  if ('native' in options && options.native) {
    throw invalid('native', options.native, 'false: the sockets of pg-native are out of reach')
  }
  checkConfig(credentials, server, url)
  count('pool.max', max, 1)
  const { Client, leaves } = theirClients(credentials, {
    Client: pg.Client,
    max,
    rotation,
  })

  function validate(connection?: unknown): boolean {
    // The first two are what Sequelize itself looks at where it is given no `validate`.
    const client = connection as pg.Client & { _invalid?: boolean; _ending: boolean }
    return !client._invalid && !client._ending && !leaves(client)
  }

  return {
    ...options,
    [module]: { ...pg, Client, native: null },
    pool: { ...options.pool, validate },
  }
}
