import {
  checkCredentials,
  conflict,
  count,
  invalid,
  RekeyError,
  type CredentialsCache,
  type RotationOptions,
} from '@rekey/core'
import type mysql from 'mysql2'
import type { Driver } from './driver.ts'

/** What rekey adds to the options of a connection. */
export interface ConnectionOptions extends mysql.ConnectionOptions {
  /** Where user and password come from, from `createCredentials`. Without it the connection is the driver's own. */
  credentials?: CredentialsCache | undefined
}

/** What rekey adds to the options of a pool, and of a node of a cluster. */
export interface PoolOptions extends mysql.PoolOptions {
  /** Where user and password come from, from `createCredentials`. Without it the pool is the driver's own. */
  credentials?: CredentialsCache | undefined
  /** How the pool replaces its connections. Every part has a default that derives from the overlap window. */
  rotation?: RotationOptions | undefined
  /**
   * Milliseconds that `end()` leaves to those who hold a connection, for example in a transaction; a connection that is
   * given back closes at once. Default: 0, no time, as the driver: what is running finishes, a transaction does not.
   */
  endDeadline?: number | undefined
}

const passwords = ['password', 'password1', 'password2', 'password3', 'passwordSha1'] as const

/**
 * Refuses what would override the credentials.
 *
 * @param name What its user calls the `uri`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password in the options or the URL; `ERR_REKEY_OPTION` for
 * `credentials` that are not a cache.
 */
export function checkOptions(
  driver: Driver,
  credentials: unknown,
  options: mysql.ConnectionOptions,
  name = 'uri',
): void {
  checkCredentials(credentials)
  for (const option of passwords) {
    if (isGiven(options[option]))
      throw conflict(option, 'leave it out, of the URL too: the credentials bring it')
  }
  const url = urlOptions(driver, options.uri, name)
  if (passwords.some((option) => isGiven(url[option]))) {
    throw conflict(name, 'take the password out of the URL')
  }
}

/** Options without what the credentials bring: a user may stand in them. */
export function withoutLogin<Options extends object>(
  options: Options,
): Omit<Options, 'user' | 'password'> {
  const { user: _, password: __, ...rest } = options as Options & mysql.ConnectionOptions
  return rest
}

/** The same for a pool, whose size has to be one. */
export function checkPoolOptions(
  driver: Driver,
  credentials: unknown,
  options: mysql.PoolOptions,
): void {
  checkOptions(driver, credentials, options)
  const { connectionLimit = urlOptions(driver, options.uri)['connectionLimit'] } = options
  // The driver takes what is not a number for 10, and 0 for no limit.
  if (connectionLimit === undefined) return
  const isNumeric = typeof connectionLimit === 'string' && connectionLimit.trim() !== ''
  count('connectionLimit', isNumeric ? Number(connectionLimit) : connectionLimit, 0)
}

/** Milliseconds, none by default. @throws {RekeyError} `ERR_REKEY_OPTION` */
export function endDeadlineOf({ endDeadline = 0 }: PoolOptions): number {
  // A timer cannot be longer.
  const longest = 2 ** 31 - 1
  if (Number.isFinite(endDeadline) && endDeadline >= 0 && endDeadline <= longest) return endDeadline
  throw invalid('endDeadline', endDeadline, `a number of milliseconds from 0 to ${longest}`)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function urlOptions(driver: Driver, uri: unknown, name = 'uri'): Record<string, unknown> {
  if (!isGiven(uri)) return {}
  try {
    // Without the slashes it is an address in the wrong place, and what looks like a password would be the database.
    if (String(uri).includes('://')) return driver.ConnectionConfig.parseUrl(uri as string)
  } catch {}
  // Not shown: it may hold a password.
  throw new RekeyError('ERR_REKEY_OPTION', `${name} cannot be read.`, {
    option: name,
    given: 'a value (not shown)',
    allowed: 'mysql://host:port/database',
  })
}
