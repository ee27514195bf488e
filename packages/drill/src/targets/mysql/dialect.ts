/** What MySQL and MariaDB do in different ways. */
export interface Dialect {
  readonly database: 'mysql' | 'mariadb'
  /** Name and version, for the report. */
  readonly server: string
  /** The numbers of the version. */
  readonly version: readonly number[]
  /** The table of the open sessions. */
  readonly sessions: string
}

/** By what the server says of its version: a URL to MariaDB may well begin with mysql. */
export function dialectOf(version: string): Dialect {
  // Distributions add their own words.
  const number = /^[\d.]*/.exec(version)?.[0] ?? ''
  const numbers = number.split('.').map(Number)
  return /mariadb/i.test(version)
    ? {
        database: 'mariadb',
        server: `MariaDB ${number}`,
        version: numbers,
        // Its performance schema is off unless somebody turns it on.
        sessions: 'information_schema.processlist',
      }
    : {
        database: 'mysql',
        server: `MySQL ${number}`,
        version: numbers,
        sessions: 'performance_schema.processlist',
      }
}
