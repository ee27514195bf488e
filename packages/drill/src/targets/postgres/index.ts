import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { DrillError } from '../../error.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool, type StockRecipe } from '../pools.ts'
import type { StartTarget, Target } from '../target.ts'
import { postgresPools } from './pools.ts'

/** Options of {@link postgres}. */
export interface PostgresOptions {
  /**
   * An existing server, with an account that may create roles. The drill makes three roles and a schema named
   * `rekey_drill_…` in the URL's database, and removes them. Default: an embedded server that lives as long as the drill.
   */
  url?: string | undefined
  /** What the stock pool does at a rotation. Default: `'end-and-new'`. */
  recipe?: StockRecipe | undefined
}

/** PostgreSQL: two login roles in one owner, rotated in turn. */
export function postgres(options: PostgresOptions = {}): StartTarget {
  const { url, recipe = 'end-and-new' } = options
  if (url !== undefined) return ({ max }) => prepare({ connectionString: url }, max, recipe)
  return inOwnServer('postgres', ({ host, port, user, password }, max) =>
    prepare({ host, port, user, password, database: 'postgres' }, max, recipe),
  )
}

async function prepare(config: pg.ClientConfig, max: number, recipe: StockRecipe): Promise<Target> {
  const admin = await connect(config)
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const { host, port, database = 'postgres', ssl } = admin
  const connection = { host, port, database, ...(typeof ssl === 'object' && { ssl }) }
  const pools = postgresPools({ connection, schema: name })
  const accounts = [`${name}_a`, `${name}_b`] as const
  try {
    await create(admin, name, accounts, max)
    const server = await versionOf(admin)
    // Counting must not wait for a statement of the rotation.
    const counter = await connect(config)
    return {
      database: 'postgres',
      server,
      accounts,
      secrets: typeof admin.password === 'string' && admin.password !== '' ? [admin.password] : [],
      async allow({ user, password }) {
        await ask(admin, `ALTER ROLE ${user} LOGIN PASSWORD ${admin.escapeLiteral(password)}`)
      },
      async revoke(account) {
        const password = admin.escapeLiteral(randomBytes(18).toString('base64url'))
        await ask(admin, `ALTER ROLE ${account} NOLOGIN PASSWORD ${password}`)
      },
      async sessions() {
        const { rows } = await counter.query<{ account: string; sessions: number }>({
          name: 'sessions',
          text: `SELECT usename AS account, count(*)::int AS sessions
            FROM pg_stat_activity WHERE usename = ANY($1) GROUP BY usename`,
          values: [accounts],
        })
        return new Map(rows.map(({ account, sessions }) => [account, sessions]))
      },
      kill: (account) => kill(admin, account),
      openPool: (kind, options) =>
        kind === 'rekey' ? rekeyPool(pools, options) : stockPool(pools, options, recipe),
      async close() {
        await counter.end()
        await remove(admin, name, accounts).catch((error: unknown) => {
          throw new DrillError(
            `Roles and schema named ${name}… are still there: ${String(error)}`,
            {
              cause: error,
            },
          )
        })
        await admin.end()
      },
    }
  } catch (error) {
    await remove(admin, name, accounts).catch(() => {})
    await admin.end()
    throw new DrillError(`The accounts for the drill could not be made: ${String(error)}`, {
      cause: error,
    })
  }
}

async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config)
  // A server that goes away is noticed by the next statement.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    const where = `${client.host}:${client.port} as ${client.user}`
    throw new DrillError(`The server could not be reached at ${where}: ${String(error)}`, {
      cause: error,
    })
  }
}

async function create(
  admin: pg.Client,
  name: string,
  accounts: readonly string[],
  max: number,
): Promise<void> {
  const owner = `${name}_owner`
  await admin.query(`CREATE ROLE ${owner} NOLOGIN`)
  await admin.query(`GRANT ${owner} TO CURRENT_USER`)
  await admin.query(`CREATE SCHEMA ${name} AUTHORIZATION ${owner}`)
  await admin.query(
    `CREATE TABLE ${name}.ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account text)`,
  )
  await admin.query(`ALTER TABLE ${name}.ledger OWNER TO ${owner}`)
  for (const account of accounts) {
    // The limit makes the server refuse what goes over the ceiling, beside our counting of it.
    await admin.query(`CREATE ROLE ${account} NOLOGIN CONNECTION LIMIT ${max} IN ROLE ${owner}`)
    // Whichever account logs in, what it makes belongs to the owner.
    await admin.query(`ALTER ROLE ${account} SET role = ${owner}`)
    await admin.query(`GRANT ${account} TO CURRENT_USER`)
  }
}

async function remove(admin: pg.Client, name: string, accounts: readonly string[]): Promise<void> {
  for (const account of accounts) await kill(admin, account)
  await admin.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
  for (const role of [...accounts, `${name}_owner`])
    await admin.query(`DROP ROLE IF EXISTS ${role}`)
}

async function kill(admin: pg.Client, account: string): Promise<void> {
  const text = 'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1'
  await ask(admin, text, [account])
}

async function ask(admin: pg.Client, text: string, values: unknown[] = []): Promise<void> {
  try {
    await admin.query(text, values)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}

async function versionOf(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version')
  // Distributions add their own name in brackets.
  return `PostgreSQL ${rows[0]?.server_version.split(' ')[0]}`
}
