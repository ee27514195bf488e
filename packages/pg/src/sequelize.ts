import { invalid, type CredentialsCache, type TheirRotation } from '@rekey/core'
import {
  checkSequelizeOptions,
  sequelizeMax,
  type Dialects,
  type SequelizeOptions,
  type SequelizeRotation,
} from '@rekey/core/libraries'
import pg from 'pg'
import { checkPoolConfig } from './options.ts'
import { theirClients } from './their-pool.ts'

const dialects: Dialects = {
  adapter: '@rekey/pg',
  database: 'PostgreSQL',
  names: ['postgres'],
  elsewhere: { mysql: 'For MySQL there is @rekey/mysql2.' },
}

/**
 * Options for Sequelize 6 with credentials that rotate.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by `pool.idle`.
 *
 * @param options Sequelize's own, with `host` and `database`, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, with the defaults of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside the credentials (in a URL when it connects);
 * `ERR_REKEY_OPTION` for a `dialect` that is not `postgres`, for `native`, `replication`, a `pool.min` above 0 or a missing
 * `database`; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window.
 *
 * @example
 * const sequelize = new Sequelize(sequelizeRotation(credentials, { dialect: 'postgres', host, database }))
 */
export function sequelizeRotation<Options extends SequelizeOptions>(
  credentials: CredentialsCache,
  options: Options,
  rotation: TheirRotation = {},
): Options & SequelizeRotation {
  checkSequelizeOptions(options, dialects)
  if ('native' in options && options.native) {
    throw invalid('native', options.native, 'false: the sockets of pg-native are out of reach')
  }
  const { max } = options.pool ?? {}
  const { host, port, database, dialectOptions } = options
  const config = { host, port: Number(port ?? 5432), database, ...dialectOptions }
  const server = config as pg.ClientConfig
  const password = 'password' in options ? options.password : undefined
  checkPoolConfig(credentials, { ...server, max, password } as pg.PoolConfig)
  const { Client, leaves } = theirClients(credentials, {
    Client: pg.Client,
    max: max ?? sequelizeMax,
    rotation,
    config: () => server,
  })

  function validate(connection?: unknown): boolean {
    // The first two are what Sequelize itself looks at where it is given no `validate`.
    const client = connection as pg.Client & { _invalid?: boolean; _ending: boolean }
    return !client._invalid && !client._ending && !leaves(client)
  }

  const dialectModule = { ...pg, Client, native: null }
  return { ...options, dialectModule, pool: { ...options.pool, validate } }
}
