import { conflict, invalid, type CredentialsCache } from '@rekey/core'
import pg from 'pg'
import { noMinimum, onlyDialects } from './library-options.ts'
import { checkPoolConfig } from './options.ts'
import { TheirPool, type TheirRotation } from './their-pool.ts'

/** What is read of Sequelize's options. */
interface SequelizeOptions {
  // Sequelize's own list: it keeps the type of what is given as narrow as Sequelize wants it back.
  dialect?: 'mysql' | 'postgres' | 'sqlite' | 'mariadb' | 'mssql' | 'db2' | 'snowflake' | 'oracle'
  host?: string
  port?: number | string
  database?: string
  dialectOptions?: object
  pool?: { min?: number; max?: number }
  replication?: unknown
}

/** What {@link sequelizeRotation} puts into them. */
interface SequelizeRotation {
  dialectModule: object
  pool: { validate: (connection?: unknown) => boolean }
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
  onlyDialects('dialect', options.dialect, ['postgres'])
  noMinimum(options.pool)
  if ('native' in options && options.native) {
    throw invalid('native', options.native, 'false: the sockets of pg-native are out of reach')
  }
  if (options.replication) {
    throw invalid('replication', 'given', 'left out: its pools would share one ceiling')
  }
  if ('dialectModule' in options) {
    throw conflict('dialectModule', 'leave it out: sequelizeRotation brings one')
  }
  const { max } = options.pool ?? {}
  const { host, port, database, dialectOptions } = options
  const config = { host, port: Number(port ?? 5432), database, ...dialectOptions }
  const server = config as pg.ClientConfig
  const password = 'password' in options ? options.password : undefined
  checkPoolConfig(credentials, { ...server, max, password } as pg.PoolConfig)
  const pool = new TheirPool(credentials, {
    Client: pg.Client,
    // Sequelize's own default.
    max: max ?? 5,
    rotation,
    config: () => server,
  })

  function validate(connection?: unknown): boolean {
    // The first two are what Sequelize itself looks at where it is given no `validate`.
    const client = connection as pg.Client & { _invalid?: boolean; _ending: boolean }
    return !client._invalid && !client._ending && !pool.leaves(client)
  }

  const dialectModule = { ...pg, Client: pool.Client, native: null }
  return { ...options, dialectModule, pool: { ...options.pool, validate } }
}
