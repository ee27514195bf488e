import { RekeyError, type Refusal } from '@rekey/core'

// https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html
// https://mariadb.com/kb/en/mariadb-error-code-reference/
// By number: the driver does not know MariaDB's names, and gives some numbers the name of another error.
const refusals: Readonly<Record<number, Refusal>> = {
  // Wrong password or unknown user: the server does not tell them apart.
  1045: 'refused',
  // The same, without saying whether a password was given.
  1698: 'refused',
  // The password has expired.
  1862: 'refused',
  // The account is locked: by its owner, in MySQL and in MariaDB.
  3118: 'locked',
  4151: 'locked',
  // The same after too many wrong passwords.
  3955: 'locked',
  4150: 'locked',
}

/** What an error at login says of the credentials; `undefined` where it is not about them. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RekeyError) return refusalOf(error.cause)
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined
  return typeof error.errno === 'number' ? refusals[error.errno] : undefined
}

/** Errors of logins that never got any credentials, and so never came to the server. */
const beforeAnyDial = new WeakSet<object>()

export function cameBeforeAnyDial<Failure extends Error>(error: Failure): Failure {
  beforeAnyDial.add(error)
  return error
}

/** Whether an error says something of the credentials, and nothing of the server. */
export function isAboutCredentials(error: unknown): boolean {
  if (refusalOf(error) !== undefined || error instanceof RekeyError) return true
  return typeof error === 'object' && error !== null && beforeAnyDial.has(error)
}
