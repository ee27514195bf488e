import {
  checkCredentials,
  conflict,
  invalid,
  RekeyError,
  type CredentialsCache,
  type RotationOptions as CoreRotationOptions,
} from '@rekey/core'
import type {
  ClusterOptions as DriverClusterOptions,
  RedisOptions as DriverRedisOptions,
} from 'ioredis'
import { DriverClient } from './driver.ts'
import { checkReauthenticate, type Reauthenticate } from './reauthenticate.ts'

/** How a client rotates. */
export interface RotationOptions extends Omit<CoreRotationOptions, 'surge'> {
  /**
   * What happens to connections that are held beyond the drain deadline, besides being reported. `'cancel'` has the server
   * end a blocking read, which then rejects with `UNBLOCKED` and has taken nothing; it needs CLIENT ID and CLIENT UNBLOCK
   * to be allowed, and says so in an `error` event where they are not. A transaction it leaves alone. `'destroy'` drops the
   * sockets. Default: `'report'`, nothing.
   */
  atDrainDeadline?: CoreRotationOptions['atDrainDeadline']
  /** When an open connection logs in again. Default: `'on-user-change'`. */
  reauthenticate?: Reauthenticate | undefined
}

/** What rekey adds to the options of a client. */
interface Rotates {
  /** Where user and password come from, from `createCredentials`. Without it the client is the driver's own. */
  credentials?: CredentialsCache | undefined
  /** How the client goes over to new credentials. Every part has a default that derives from the overlap window. */
  rotation?: RotationOptions | undefined
}

/** The options of `Redis`, with `credentials` and `rotation`. */
export type RedisOptions = DriverRedisOptions & Rotates

/** The options of `Cluster`, with `credentials` and `rotation`. */
export type ClusterOptions = DriverClusterOptions & Rotates

/**
 * Refuses, among the arguments of a client's constructor, what would override the credentials.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a user name or a password beside `credentials`; `ERR_REKEY_OPTION` for
 * `credentials` that are not a cache, and for a `rotation` that is not what it must be.
 */
export function checkRedisOptions(values: readonly unknown[]): void {
  const options = values.filter(isObject) as RedisOptions[]
  const { credentials, rotation } = Object.assign({}, ...options.toReversed()) as RedisOptions
  if (credentials === undefined) return
  checkRotates({ credentials, rotation })
  for (const one of options) checkNoLogin(one, '')
  for (const value of values) {
    if (typeof value === 'string') checkUrl(value, 'url')
  }
}

/** The same for a cluster, whose nodes may bring options of their own. That there are none it says when it connects. */
export function checkClusterOptions(
  nodes: readonly unknown[] | null | undefined,
  options: ClusterOptions,
): void {
  checkRotates(options)
  checkNoLogin(options.redisOptions ?? {}, 'redisOptions.')
  for (const [index, node] of nodes?.entries() ?? []) {
    if (typeof node === 'string') checkUrl(node, `startupNodes[${index}]`)
    if (isObject(node)) checkNoLogin(node, `startupNodes[${index}].`)
  }
}

/** @throws {RekeyError} `ERR_REKEY_DRIVER`, `ERR_REKEY_OPTION` */
function checkRotates({ credentials, rotation = {} }: Rotates): void {
  checkDriver()
  checkCredentials(credentials)
  if (typeof rotation !== 'object' || rotation === null) {
    throw invalid('rotation', rotation, 'an object, such as { atOnce: 1 }')
  }
  checkReauthenticate(rotation.reauthenticate)
}

/** @throws {RekeyError} `ERR_REKEY_CONFLICT` */
function checkNoLogin(options: { username?: unknown; password?: unknown }, path: string): void {
  for (const name of ['password', 'username'] as const) {
    if (!isGiven(options[name])) continue
    throw conflict(`${path}${name}`, 'leave it out: the credentials bring it')
  }
}

/** @throws {RekeyError} `ERR_REKEY_CONFLICT` */
function checkUrl(value: string, option: string): void {
  // As the driver reads it, which differs between its versions: also without a scheme, and in the query.
  const { username, password } = new DriverClient(value, { lazyConnect: true }).options
  if (isGiven(username) || isGiven(password)) {
    throw conflict(option, 'take the user name and the password out of it')
  }
}

/** @throws {RekeyError} `ERR_REKEY_DRIVER` */
export function checkDriver(): void {
  // It came with 5.4.
  if ('setSocketTimeout' in DriverClient.prototype) return
  throw new RekeyError('ERR_REKEY_DRIVER', 'This ioredis is too old to rotate.', {
    option: 'credentials',
    given: 'an ioredis before 5.4',
    allowed: 'ioredis 5.4 or later',
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}
