import { conflict, invalid } from '../options.ts'
import { noMinimum, onlyDialects, type Dialects } from './options.ts'

/** What is read of Sequelize's options. */
export interface SequelizeOptions {
  // Sequelize's own list: it keeps the type of what is given as narrow as Sequelize wants it back.
  dialect?: 'mysql' | 'postgres' | 'sqlite' | 'mariadb' | 'mssql' | 'db2' | 'snowflake' | 'oracle'
  host?: string
  port?: number | string
  database?: string
  dialectOptions?: object
  pool?: { min?: number; max?: number }
  replication?: unknown
}

/** What is put into them. */
export interface SequelizeRotation {
  dialectModule: object
  pool: { validate: (connection?: unknown) => boolean }
}

/** How many connections Sequelize opens where it is not told. */
export const sequelizeMax = 5

/**
 * Refuses what an adapter cannot rotate.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT`, `ERR_REKEY_OPTION`
 */
export function checkSequelizeOptions(options: SequelizeOptions, dialects: Dialects): void {
  onlyDialects('dialect', options.dialect, dialects)
  noMinimum(options.pool)
  if (options.replication) {
    throw invalid('replication', 'given', 'left out: its pools would share one ceiling')
  }
  if ('dialectModule' in options) {
    throw conflict('dialectModule', 'leave it out: sequelizeRotation brings one')
  }
}
