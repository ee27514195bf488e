import { conflict, invalid } from '../options.ts'
import { noMinimum, onlyDialects, onlyObject, type Dialects } from './options.ts'

/** What is read of the options of Sequelize 6. */
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

/** What is read of the options of Sequelize 7, which has those of the driver beside its own. */
export interface Sequelize7Options {
  dialect: Sequelize7Dialect
  // Not read: without it `false` would become a boolean, which Sequelize does not take.
  logging?: false | ((sql: string, timing?: number) => void)
  pool?: { min?: number; max?: number }
  replication?: unknown
}

/** A class of Sequelize 7. */
interface Sequelize7Dialect {
  readonly name: string
  getSupportedOptions(): readonly string[]
  getSupportedConnectionOptions(): readonly string[]
}

interface SequelizePool {
  pool: { validate: (connection?: unknown) => boolean }
}

/** What is put into the options of Sequelize 6. */
export interface SequelizeRotation extends SequelizePool {
  dialectModule: object
}

/** What is put into the options of Sequelize 7: the driver's module by the adapter's own name for it. */
export type Sequelize7Rotation<Option extends string, Module> = SequelizePool & {
  [option in Option]: Module
}

/** What an adapter calls things in Sequelize. */
export interface SequelizeNames extends Dialects {
  /** The option of Sequelize 7 that takes the driver's module. */
  readonly module: string
  /** The driver's option that takes a URL. */
  readonly url: string
  readonly port: number
}

interface SequelizeParts {
  /** The option that takes the driver's module. */
  readonly module: string
  /** The driver's options, with whatever stands in the place of the credentials. */
  readonly server: object
  /** What its user calls the option that takes a URL. */
  readonly url: string
  /** How many connections there are at most. */
  readonly max: number
}

/**
 * Refuses what an adapter cannot rotate, and reads the rest.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT`, `ERR_REKEY_OPTION`
 */
export function readSequelizeOptions(
  options: SequelizeOptions | Sequelize7Options,
  names: SequelizeNames,
): SequelizeParts {
  onlyObject('options', options, '{ dialect, host, database }')
  const { dialect, pool, replication } = options
  const own = isOf7(options) ? options.dialect : undefined
  if (!own?.getSupportedOptions?.().includes(names.module)) {
    onlyDialects('dialect', own?.name ?? dialect, names)
  }
  noMinimum(pool)
  if (replication) {
    throw invalid('replication', 'given', 'left out: its pools would share one ceiling')
  }
  const module = own ? names.module : 'dialectModule'
  // Of a module and a path Sequelize takes the path.
  const given = [module, 'dialectModulePath'].find((option) => option in options)
  if (given) throw conflict(given, 'leave it out: sequelizeRotation brings the module')
  const server = isOf7(options) ? optionsOf7(options, names) : optionsOf6(options, names)
  const url = isOf7(options) && 'url' in options ? 'url' : names.url
  // Where it is not told, Sequelize opens 5.
  return { module, server, url, max: pool?.max ?? 5 }
}

function isOf7(options: SequelizeOptions | Sequelize7Options): options is Sequelize7Options {
  return typeof options.dialect === 'function'
}

function optionsOf6(options: SequelizeOptions, names: SequelizeNames): object {
  const { host, port = names.port, database, dialectOptions } = options
  const password = 'password' in options ? options.password : undefined
  return { host, port: Number(port), database, password, ...dialectOptions }
}

function optionsOf7(options: Sequelize7Options, { url }: SequelizeNames): object {
  const own = options.dialect.getSupportedConnectionOptions()
  const server = Object.fromEntries(Object.entries(options).filter(([name]) => own.includes(name)))
  return 'url' in options ? { ...server, [url]: options.url } : server
}
