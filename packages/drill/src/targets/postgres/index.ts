import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { DrillError } from '../../error.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool } from '../pools.ts'
import type { StartTarget, StockRecipe, Target, Wire } from '../target.ts'
import { create, kill, remove } from './accounts.ts'
import { ask, connect, versionOf } from './admin.ts'
import { isGoodbye, postgresPools } from './pools.ts'

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
      async sessionAccounts() {
        const { rows } = await counter.query<{ pid: number; account: string }>(
          'SELECT pid, usename AS account FROM pg_stat_activity WHERE usename = ANY($1)',
          [accounts],
        )
        return new Map(rows.map(({ pid, account }) => [String(pid), account]))
      },
      renews: false,
      wire: { at: addressOf(connection), isPlain: !ssl, isGoodbye },
      kill: (account) => kill(admin, account),
      openPool(kind, options) {
        const pools = postgresPools({ connection: { ...connection, ...options.at }, schema: name })
        if (kind === 'rekey') return rekeyPool(pools, options)
        return stockPool(pools, options, options.recipe ?? recipe)
      },
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
    throw new DrillError(
      `The accounts for the drill could not be made: ${String(error)}\n` +
        `${admin.user} needs CREATEROLE, and CREATE on the database ${database}.`,
      { cause: error },
    )
  }
}

/** As the driver understands a host. */
function addressOf({ host, port }: { host: string; port: number }): Wire['at'] {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
}
