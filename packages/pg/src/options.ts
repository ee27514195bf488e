import {
  checkCredentials,
  conflict,
  count,
  RekeyError,
  type CredentialsCache,
  type RotationOptions,
} from '@rekey/core'
import pg from 'pg'
import { readConnectionString, type StringLogin } from './connection-string.ts'

/** What rekey adds to the options of `pg.Client`. */
export interface ClientConfig extends pg.ClientConfig {
  /** Where user and password come from, from `createCredentials`. Without it the client is the driver's own. */
  credentials?: CredentialsCache | undefined
}

/** What rekey adds to the options of `pg.Pool`. */
export interface PoolConfig extends pg.PoolConfig {
  /** Where user and password come from, from `createCredentials`. Without it the pool is the driver's own. */
  credentials?: CredentialsCache | undefined
  /** How the pool replaces its connections. Every part has a default that derives from the overlap window. */
  rotation?: RotationOptions | undefined
}

/**
 * Refuses what would override the credentials, or would break when the user name changes.
 *
 * @param url What its user calls the `connectionString`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password in the options or the URL; `ERR_REKEY_OPTION` for
 * `credentials` that are not a cache, and for a missing `database`.
 */
export function checkConfig(credentials: unknown, config: pg.ClientConfig, url?: string): void {
  checkLogin(credentials, config, url)
  checkDatabase(config)
}

/** The same where the database is not known yet. */
export function checkLogin(
  credentials: unknown,
  config: pg.ClientConfig,
  url = 'connectionString',
): void {
  checkCredentials(credentials)
  if (isGiven(config.password)) {
    throw conflict('password', 'leave it out, of the URL too: the credentials bring it')
  }
  if (isGiven(stringLogin(config, url)?.password)) {
    throw conflict(url, 'take the password out of the URL')
  }
}

/** The same for a pool, whose size has to be one. */
export function checkPoolConfig(credentials: unknown, config: pg.PoolConfig): void {
  checkConfig(credentials, config, isOfTypeorm(config) ? 'url' : undefined)
  checkSize(config)
}

/** TypeORM, whose users say `url`, gives a pool all of these, set or not. Nobody else writes them all down. */
function isOfTypeorm(config: pg.PoolConfig): boolean {
  return typeormNames.every((name) => name in config)
}

const typeormNames = [
  ...['connectionString', 'host', 'port', 'database', 'user', 'password', 'ssl', 'max'],
  ...['connectionTimeoutMillis', 'application_name'],
]

/** The same for a pool that was built without credentials: what it has logged in with so far may stay. */
export function checkBuiltPool(credentials: unknown, options: pg.PoolConfig): void {
  checkCredentials(credentials)
  checkDatabase(options)
  checkSize(options)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function stringLogin(
  { connectionString }: pg.ClientConfig,
  url = 'connectionString',
): StringLogin | undefined {
  if (!isGiven(connectionString)) return undefined
  const login =
    typeof connectionString === 'string' ? readConnectionString(connectionString) : undefined
  if (login !== undefined) return login
  // Not shown: it may hold a password.
  throw new RekeyError('ERR_REKEY_OPTION', `${url} cannot be read.`, {
    option: url,
    given: 'a value (not shown)',
    allowed: 'postgres://host:port/database',
  })
}

// The driver takes 0 and NaN for 10, waits for ever where it is below 0, and reads numbers in strings.
function checkSize(config: pg.PoolConfig & { poolSize?: unknown }): void {
  for (const option of ['max', 'poolSize'] as const) {
    const size: unknown = config[option]
    if (size === undefined || size === null) continue
    count(option, typeof size === 'string' && size.trim() !== '' ? Number(size) : size, 1)
  }
}

// The driver falls back to the user name, which a rotation changes: the database would change with it.
function checkDatabase(config: pg.ClientConfig): void {
  // What stands in the URL hides the options, also where it is empty.
  const login = stringLogin(config)
  const database = login === undefined ? config.database : login.database
  const user = login?.user ?? config.user
  const { PGDATABASE, PGUSER } = process.env
  if ([database, PGDATABASE, pg.defaults.database, user, PGUSER].some(isGiven)) return
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    'database is missing: it would default to the user name, which changes with the credentials.',
    { option: 'database', given: 'nothing', allowed: "a database's name" },
  )
}
