import { RekeyError } from '../errors.ts'
import { conflict, invalid } from '../options.ts'
import { noMinimum, onlyDialects, onlyObject, type Dialects } from './options.ts'

/** What is read of knex's configuration. */
export interface KnexConfig {
  client?: unknown
  connection?: string | object
  pool?: { min?: number; max?: number }
}

/** What is put into it. */
export interface KnexRotation<Connection, Settings> {
  connection: () => Promise<Settings>
  pool: { min: number; validate: (connection: Connection) => Promise<boolean> }
}

/** A configuration of knex that rotates. */
export type RotatingKnexConfig<Config extends KnexConfig, Connection, Settings> = Omit<
  Config,
  'connection' | 'pool'
> &
  KnexRotation<Connection, Settings> &
  Pick<Config, 'pool'>

/** The part of knex's client, which calls our `connection` as its own method, that is used. */
interface KnexClient {
  driver?: object
  pool?: { validate?: (connection: object) => unknown }
  /** The configuration of MikroORM 6, which puts it here on PostgreSQL alone. */
  ormConfig?: { get(option: string): unknown }
}

interface KnexParts<Connection, Settings> {
  /** What a connection is made with, but for the user and the password. */
  readonly settings: Settings
  /** What stands in the place of the driver's own in its module. */
  readonly module: object
  /** Whether a connection that nobody holds is to be closed now. */
  readonly leaves: (connection: Connection) => boolean
}

/** How many connections knex opens where it is not told. */
export const knexMax = 10

/**
 * Refuses what an adapter cannot rotate, and gives back the `connection`.
 *
 * @param pool What is to be given to a knex that takes a pool.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT`, `ERR_REKEY_OPTION`
 */
export function checkKnexConfig(
  config: KnexConfig,
  dialects: Dialects,
  pool: string,
): string | object {
  onlyObject('config', config, '{ client, connection }')
  onlyDialects('client', config.client, dialects)
  if ('connectionPool' in config) {
    throw conflict('connectionPool', `give it ${pool}, without knexRotation`)
  }
  noMinimum(config.pool)
  const { connection } = config
  if (typeof connection === 'string') return connection
  if (typeof connection === 'object' && connection !== null) return connection
  const given = typeof connection === 'function' ? connection : typeof connection
  throw invalid('connection', given, 'an object such as { host, database }, or a URL')
}

/** A configuration whose connections knex makes through us, and asks us about whenever it lends one. */
export function rotatingKnexConfig<Config extends KnexConfig, Connection, Settings extends object>(
  config: Config,
  { settings, module, leaves }: KnexParts<Connection, Settings>,
): RotatingKnexConfig<Config, Connection, Settings> {
  type Validate = KnexRotation<Connection, Settings>['pool']['validate']
  const { validate: theirs } = (config.pool ?? {}) as { validate?: Validate }
  /** While knex is asked whether it asks us. */
  let question: { isAnswered: boolean } | undefined

  async function validate(connection: Connection): Promise<boolean> {
    if (theirs !== undefined && !(await theirs(connection))) return false
    return !leaves(connection)
  }

  async function connect(this: KnexClient | undefined): Promise<Settings> {
    if (this?.ormConfig !== undefined) checkMikroOrm(this.ormConfig)
    if (question !== undefined) question.isAnswered = true
    else if (this?.driver !== undefined && validates(this)) {
      // What knex makes its connections with, from now on.
      this.driver = { ...this.driver, ...module }
    } else throw tooOld()
    return { ...settings }
  }

  /** From 3.2 on its `validate` looks for newer settings before it calls ours. Up to 3.1 it does neither. */
  function validates({ pool: theirPool }: KnexClient): boolean {
    const asked = { isAnswered: false }
    question = asked
    try {
      void Promise.resolve(theirPool?.validate?.(asked)).catch(() => {})
    } catch {
      // It has looked for what a connection has, and not asked us before.
    } finally {
      question = undefined
    }
    return asked.isAnswered
  }

  return {
    ...config,
    connection: connect,
    pool: { ...config.pool, min: 0, validate },
  }
}

/** What stands beside our `connection` in MikroORM is not used. */
function checkMikroOrm(config: NonNullable<KnexClient['ormConfig']>): void {
  if (config.get('password')) throw conflict('password', 'leave it out: the credentials bring it')
  const url = URL.parse(String(config.get('clientUrl')))
  if (url?.password) throw conflict('clientUrl', 'take the password out of the URL')
}

function tooOld(): RekeyError {
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    'This knex does not ask pool.validate, so that old connections would never leave. Take knex 3.2 or later.',
    { option: 'knex', given: 'a knex below 3.2', allowed: 'knex 3.2 or later' },
  )
}
