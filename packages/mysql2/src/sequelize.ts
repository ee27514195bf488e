import { count, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  checkSequelizeOptions,
  sequelizeMax,
  type Dialects,
  type SequelizeOptions,
  type SequelizeRotation,
} from '@rekey/core/libraries'
import mysql from 'mysql2'
import type { ConnectionInternals, Driver } from './driver.ts'
import { checkOptions } from './options.ts'
import { theirConnections } from './their-pool.ts'

const driver = mysql as unknown as Driver

const dialects: Dialects = {
  adapter: '@rekey/mysql2',
  database: 'MySQL with mysql2',
  names: ['mysql'],
  elsewhere: {
    postgres: 'For PostgreSQL there is @rekey/pg.',
    mariadb: "Sequelize's 'mariadb' takes another driver.",
  },
}

/**
 * Options for Sequelize 6 with credentials that rotate.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by `pool.idle`.
 *
 * @param options Sequelize's own, with `host` and `database`, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, with the defaults of `createPool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials (in a URL when it connects);
 * `ERR_REKEY_OPTION` for a `dialect` that is not `mysql`, for `replication`, a `pool.min` above 0 or a `pool.max` of none;
 * `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window.
 *
 * @example
 * const sequelize = new Sequelize(sequelizeRotation(credentials, { dialect: 'mysql', host, database }))
 */
export function sequelizeRotation<Options extends SequelizeOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation: TheirRotation = {},
): Options & SequelizeRotation {
  checkSequelizeOptions(options, dialects)
  const { host, port, database, dialectOptions } = options
  const config = { host, port: Number(port ?? 3306), database, ...dialectOptions }
  const server = config as mysql.ConnectionOptions
  const password = 'password' in options ? options.password : undefined
  checkOptions(driver, credentials, { ...server, password } as mysql.ConnectionOptions)
  const max = count('pool.max', options.pool?.max ?? sequelizeMax, 1)
  const { createConnection, leaves } = theirConnections(driver, credentials, {
    max,
    rotation,
    server,
  })

  function validate(connection?: unknown): boolean {
    // What Sequelize itself looks at where it is given no `validate`.
    const { _fatalError, _protocolError, _closing, stream } = connection as ConnectionInternals
    const isOver = _fatalError || _protocolError || _closing || stream.destroyed
    return !isOver && !leaves(connection as mysql.Connection)
  }

  const dialectModule = { ...mysql, createConnection }
  return { ...options, dialectModule, pool: { ...options.pool, validate } }
}
