import { RekeyError } from '../errors.ts'

/** What {@link otherDatabase} says is to be given to a library that is on a database without an adapter. */
export function driverOf(database: 'SQL Server' | 'SQLite' | 'Oracle'): string {
  return `the driver of ${database}, which rekey does not rotate`
}

/** The error for a module that a library takes for the driver of another database. */
export function otherDatabase(given: string, allowed: string): RekeyError {
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    `${given} stands where a library takes the driver of another database. Give it ${allowed}, or set its type or ` +
      'dialect to the database that it is for.',
    { option: 'driver', given, allowed },
  )
}
