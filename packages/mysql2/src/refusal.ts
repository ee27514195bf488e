import type { Refusal } from '@rekey/core'

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
  // The account is locked: by its owner in MySQL, in MariaDB, or for a while after too many wrong passwords.
  3118: 'locked',
  4151: 'locked',
  3955: 'locked',
}

/** What an error at login says of the credentials; `undefined` where it is not about them. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined
  return typeof error.errno === 'number' ? refusals[error.errno] : undefined
}
