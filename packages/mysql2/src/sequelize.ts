import { count, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  readSequelizeOptions,
  type Sequelize7Options,
  type Sequelize7Rotation,
  type SequelizeNames,
  type SequelizeOptions,
  type SequelizeRotation,
} from '@rekey/core/libraries'
import mysql from 'mysql2'
import type { ConnectionInternals, Driver } from './driver.ts'
import { checkOptions } from './options.ts'
import { theirConnections } from './their-pool.ts'

const driver = mysql as unknown as Driver

const names: SequelizeNames = {
  adapter: '@rekey/mysql2',
  database: 'MySQL with mysql2',
  names: ['mysql'],
  elsewhere: {
    postgres: 'For PostgreSQL there is @rekey/pg.',
    PostgresDialect: 'For PostgreSQL there is @rekey/pg.',
    mariadb: "Sequelize's 'mariadb' takes another driver.",
    MariaDbDialect: 'The MariaDbDialect takes another driver.',
  },
  module: 'mysql2Module',
  url: 'uri',
  port: 3306,
}

/**
 * Options for Sequelize 6 and 7 with credentials that rotate.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by `pool.idle`.
 *
 * @param options Sequelize's own, with `host` and `database`, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, and `maxRefusals`, with the defaults of `createPool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials (in the URL of Sequelize 6 when it
 * connects); `ERR_REKEY_OPTION` for a `dialect` that is not MySQL, for `replication`, a `pool.min` above 0 or a `pool.max` of none;
 * `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window.
 *
 * @example
 * const sequelize = new Sequelize(sequelizeRotation(credentials, { dialect: 'mysql', host, database }))
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
): Options & Sequelize7Rotation<'mysql2Module', typeof mysql>
export function sequelizeRotation(
  credentials: CredentialsCache,
  options: SequelizeOptions | Sequelize7Options,
  rotation: TheirRotation = {},
): object {
  const { module, server, url, max } = readSequelizeOptions(options, names)
  checkOptions(driver, credentials, server, url)
  count('pool.max', max, 1)
  const { createConnection, leaves } = theirConnections(driver, credentials, {
    max,
    rotation,
  })

  function validate(connection?: unknown): boolean {
    // What Sequelize itself looks at where it is given no `validate`.
    const { _fatalError, _protocolError, _closing, stream } = connection as ConnectionInternals
    const isOver = _fatalError || _protocolError || _closing || stream.destroyed
    return !isOver && !leaves(connection as mysql.Connection)
  }

  return {
    ...options,
    [module]: { ...mysql, createConnection },
    pool: { ...options.pool, validate },
  }
}
