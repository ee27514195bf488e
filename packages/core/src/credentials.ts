import { createHmac, randomBytes } from 'node:crypto'
import { RekeyError } from './errors.ts'
import { kindOf } from './options.ts'
import { Secret } from './secret.ts'
import type { LoadedCredentials } from './source.ts'

/** One immutable snapshot: a login reads user and password from the same one, or from none. */
export interface Credentials {
  readonly user: string
  readonly password: Secret
  /** The store's own version id where it has one, else a keyed hash of the content. */
  readonly version: string
  /** True where the version is such a hash: it then tells content apart, but has no order. */
  readonly versionDerived: boolean
  /** When the store issued it, in milliseconds since the epoch, if the store says so. */
  readonly issuedAt: number | undefined
  /** When it stops working, in milliseconds since the epoch, if the store says so. */
  readonly expiresAt: number | undefined
  /** Whether the password is a token that is renewed under the same version. */
  readonly checkedAtLogin: boolean
  /** When the store will change it, in milliseconds since the epoch, if the store says so. */
  readonly changesAt: number | undefined
  /** The pair before it, where the store still has it. */
  readonly previous: Credentials | undefined
}

// A key of this process alone: the hash tells versions apart and is of no use to anybody who reads a log.
const hashKey = randomBytes(32)

/** Makes the snapshot from what a source answered, or throws `ERR_REKEY_ANSWER`. */
export function toCredentials(loaded: LoadedCredentials, source: string): Credentials {
  if (typeof loaded !== 'object' || loaded === null) {
    throw unusable(source, 'answer', kindOf(loaded), 'an object with user and password')
  }
  // Each field is read once: an object that changes under us cannot give a torn pair.
  const { user, password, version, issuedAt, expiresAt, changesAt, checkedAtLogin, previous } =
    loaded
  if (typeof user !== 'string' || user === '') {
    throw unusable(source, 'user', kindOf(user), 'a non-empty string')
  }
  const revealed = password instanceof Secret ? password.reveal() : password
  if (typeof revealed !== 'string' || revealed === '') {
    throw unusable(source, 'password', kindOf(revealed), 'a non-empty string or a Secret')
  }
  if (version !== undefined && (typeof version !== 'string' || version === '')) {
    throw unusable(source, 'version', kindOf(version), 'a non-empty string, or nothing')
  }
  return Object.freeze({
    user,
    password: new Secret(revealed),
    version: version ?? hash(user, revealed),
    versionDerived: version === undefined,
    issuedAt: instant(issuedAt, 'issuedAt', source),
    expiresAt: instant(expiresAt, 'expiresAt', source),
    checkedAtLogin: checkedAtLogin === true,
    changesAt: instant(changesAt, 'changesAt', source),
    previous: previous === undefined ? undefined : toCredentials(previous, source),
  })
}

/** Whether two snapshots log in as the same user with the same password. */
export function sameLogin(a: Credentials, b: Credentials): boolean {
  return a.user === b.user && a.password.reveal() === b.password.reveal()
}

function hash(user: string, password: string): string {
  const content = JSON.stringify([user, password])
  return createHmac('sha256', hashKey).update(content).digest('hex').slice(0, 16)
}

function instant(value: unknown, field: string, source: string): number | undefined {
  if (value === undefined) return undefined
  const time = value instanceof Date ? value.getTime() : value
  if (typeof time === 'number' && Number.isFinite(time)) return time
  throw unusable(source, field, kindOf(value), 'a Date or milliseconds since the epoch')
}

function unusable(source: string, option: string, given: string, allowed: string): RekeyError {
  return new RekeyError(
    'ERR_REKEY_ANSWER',
    `The source ${source} answered with ${given} as its ${option}; it must be ${allowed}. ` +
      'The answer was not used.',
    { option, given, allowed },
  )
}
