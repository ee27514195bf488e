import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { DrillError } from '../../error.ts'
import { countByAccount } from '../count-by-account.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool } from '../pools.ts'
import type { StartTarget, StockRecipe, Target, Wire } from '../target.ts'
import { create, kill, remove } from './accounts.ts'
import { ask, connect, versionOf } from './admin.ts'
import { Pooler } from './pooler.ts'
import { isGoodbye, postgresPools } from './pools.ts'
import { SessionList } from './session-list.ts'

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
  return inOwnServer('postgres', ({ host, port, user, password, restart }, max) =>
    prepare({ host, port, user, password, database: 'postgres' }, max, recipe, restart),
  )
}

async function prepare(
  config: pg.ClientConfig,
  max: number,
  recipe: StockRecipe,
  restart?: () => Promise<void>,
): Promise<Target> {
  let admin = await connect(config)
  const pooler = await findPooler(admin)
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const { host, port, database = 'postgres', ssl } = admin
  const connection = { host, port, database, ...(typeof ssl === 'object' && { ssl }) }
  const accounts = [`${name}_a`, `${name}_b`] as const
  try {
    await create(admin, name, accounts, pooler ? undefined : max)
    const server = [await versionOf(admin), ...(pooler ? [pooler.name] : [])].join(' behind ')
    // Counting must not wait for a statement of the rotation.
    const sessions = await SessionList.of(config, accounts)
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
      sessions: async () =>
        pooler ? countByAccount(await pooler.clients(accounts)) : sessions.counts(),
      sessionAccounts: () => (pooler ? pooler.clients(accounts) : sessions.accounts()),
      failOver:
        restart &&
        (() =>
          sessions.whileAway(async () => {
            await restart()
            admin = await connect(config)
          })),
      renews: false,
      wire: { at: addressOf(connection), isPlain: !ssl, isGoodbye },
      async kill(account) {
        await pooler?.kill(account)
        await kill(admin, account)
      },
      openPool(kind, options) {
        const pools = postgresPools({ connection: { ...connection, ...options.at }, schema: name })
        if (kind === 'rekey') return rekeyPool(pools, options)
        return stockPool(pools, options, options.recipe ?? recipe)
      },
      async close() {
        await sessions.end()
        await pooler?.end()
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
    await pooler?.end()
    await admin.end()
    throw new DrillError(
      `The accounts for the drill could not be made: ${String(error)}\n` +
        `${admin.user} needs CREATEROLE, and CREATE on the database ${database}.`,
      { cause: error },
    )
  }
}

/** @throws {DrillError} if there is one whose clients cannot be counted. */
async function findPooler(admin: pg.Client): Promise<Pooler | undefined> {
  try {
    return await Pooler.between(admin)
  } catch (error) {
    await admin.end()
    throw error
  }
}

/** As the driver understands a host. */
function addressOf({ host, port }: { host: string; port: number }): Wire['at'] {
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
}
