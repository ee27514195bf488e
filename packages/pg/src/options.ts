import {
  conflict,
  count,
  invalid,
  isCredentialsCache,
  RekeyError,
  type CredentialsCache,
  type RotationOptions,
} from '@rekey/core'
import type pg from 'pg'

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
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password in the options or the URL; `ERR_REKEY_OPTION` for
 * `credentials` that are not a cache, and for a missing `database`.
 */
export function checkConfig(credentials: unknown, config: pg.PoolConfig): void {
  if (!isCredentialsCache(credentials)) {
    throw invalid('credentials', credentials, 'what createCredentials(source, options) returns')
  }
  if (isGiven(config.password)) {
    throw conflict('password', 'leave it out: the credentials bring it')
  }
  const url = connectionUrl(config.connectionString)
  if (url !== undefined && (url.password !== '' || url.searchParams.has('password'))) {
    throw conflict('connectionString', 'take the password out of the URL')
  }
  checkMax(config.max)
  checkDatabase(config, url)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function connectionUrl(text: string | undefined): URL | undefined {
  if (text === undefined || !text.includes('://')) return undefined
  // The driver allows hosts that URL does not, such as an empty one or an encoded socket path.
  const userinfo = /^[^:]+:\/\/(?:(?<userinfo>[^/?#]*)@)?[^/?#]*(?<rest>[^#]*)/.exec(text)
  const base = `pg://${userinfo?.groups?.['userinfo'] ?? ''}@host${userinfo?.groups?.['rest'] ?? ''}`
  return URL.canParse(base) ? new URL(base) : undefined
}

// The driver takes 0 for 10, and numbers in strings.
function checkMax(max: unknown): void {
  if (max !== undefined && max !== null)
    count('max', typeof max === 'string' ? Number(max) : max, 1)
}

// The driver falls back to the user name, which a rotation changes: the database would change with it.
function checkDatabase(config: pg.PoolConfig, url: URL | undefined): void {
  const named =
    isGiven(config.database) ||
    isGiven(process.env['PGDATABASE']) ||
    isGiven(config.user) ||
    isGiven(process.env['PGUSER']) ||
    (url === undefined && isGiven(config.connectionString)) ||
    (url !== undefined && (url.pathname.length > 1 || url.username !== ''))
  if (named) return
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    'database is missing: it would default to the user name, which changes with the credentials.',
    { option: 'database', given: 'nothing', allowed: "a database's name" },
  )
}
