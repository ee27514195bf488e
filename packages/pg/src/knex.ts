import { conflict, invalid, RekeyError, type CredentialsCache } from '@rekey/core'
import pg from 'pg'
import { noMinimum, onlyDialects } from './library-options.ts'
import { checkPoolConfig } from './options.ts'
import { TheirPool, type TheirRotation } from './their-pool.ts'

/** What is read of knex's configuration. */
interface KnexConfig {
  client?: unknown
  connection?: string | object
  pool?: { min?: number; max?: number }
}

/** What {@link knexRotation} puts into it. */
interface KnexRotation {
  connection: () => Promise<{ connectionString?: string }>
  pool: { min: number; validate: (connection: pg.Client) => Promise<boolean> }
}

/** The part of knex's client, which calls our `connection` as its own method, that is used. */
interface KnexClient {
  driver?: { Client?: unknown }
  pool?: { validate?: (connection: object) => unknown }
}

/**
 * A configuration for knex 3.2 with credentials that rotate. From knex 3.3 on give `connectionPool` a `Pool` instead: it
 * opens replacements ahead, and says when it is drained.
 *
 * An old connection leaves when somebody is about to take it, one at a time, at the rotation's pace, after one login with
 * the newest credentials has succeeded; one that nobody takes leaves by the pool's `idleTimeoutMillis`. The pool's `min` is 0
 * for that.
 *
 * @param config knex's own, without a user and a password.
 * @param rotation `spread` and `drainDeadline` in milliseconds, with the defaults of `Pool`.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password or a `connectionPool` beside the credentials;
 * `ERR_REKEY_OPTION` for a `client` that is not PostgreSQL, a `connection` that is not an object or a URL, a `pool.min` above 0
 * or a missing `database`; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. From the first query,
 * before it connects, `ERR_REKEY_DRIVER` for a knex below 3.2, which would never give up a connection.
 *
 * @example
 * const db = knex(knexRotation(credentials, { client: 'pg', connection: { host, database }, pool: { max: 20 } }))
 */
export function knexRotation<Config extends KnexConfig>(
  credentials: CredentialsCache,
  config: Config,
  rotation: TheirRotation = {},
): Omit<Config, 'connection' | 'pool'> & KnexRotation & Pick<Config, 'pool'> {
  onlyDialects('client', config.client, ['pg', 'postgres', 'postgresql'])
  if ('connectionPool' in config) {
    throw conflict('connectionPool', 'give it a Pool of @rekey/pg, without knexRotation')
  }
  const { max } = config.pool ?? {}
  const connection = connectionOf(config.connection)
  noMinimum(config.pool)
  checkPoolConfig(credentials, { ...connection, ...(max !== undefined && { max }) })
  const pool = new TheirPool(credentials, {
    Client: pg.Client,
    // knex's own default.
    max: max ?? 10,
    rotation,
    config: () => connection,
  })
  const { validate: theirs } = (config.pool ?? {}) as Partial<KnexRotation['pool']>
  /** While knex is asked whether it asks us. */
  let question: { isAnswered: boolean } | undefined

  async function validate(client: pg.Client): Promise<boolean> {
    if (theirs !== undefined && !(await theirs(client))) return false
    return !pool.leaves(client)
  }

  async function connect(this: KnexClient | undefined): Promise<pg.ClientConfig> {
    if (question !== undefined) question.isAnswered = true
    else if (this?.driver !== undefined && validates(this)) {
      // What knex makes its connections with, from now on.
      this.driver = { ...this.driver, Client: pool.Client }
    } else throw tooOld()
    return { ...connection }
  }

  /** From 3.2 on its `validate` looks for newer settings before it calls ours. Up to 3.1 it does neither. */
  function validates({ pool: theirPool }: KnexClient): boolean {
    const asked = { isAnswered: false }
    question = asked
    try {
      void Promise.resolve(theirPool?.validate?.(asked)).catch(() => {})
    } finally {
      question = undefined
    }
    return asked.isAnswered
  }

  return {
    ...config,
    connection: connect as KnexRotation['connection'],
    pool: { ...config.pool, min: 0, validate },
  }
}

function connectionOf(connection: unknown): pg.ClientConfig {
  if (typeof connection === 'string') return { connectionString: connection }
  if (typeof connection === 'object' && connection !== null) return connection
  const given = typeof connection === 'function' ? connection : typeof connection
  throw invalid('connection', given, 'an object such as { host, database }, or a URL')
}

function tooOld(): RekeyError {
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    'This knex does not ask pool.validate, so that old connections would never leave. Take knex 3.2 or later.',
    { option: 'knex', given: 'a knex below 3.2', allowed: 'knex 3.2 or later' },
  )
}
