import { randomBytes } from 'node:crypto'
import type { Connection } from 'mysql2/promise'
import { DrillError } from '../../error.ts'
import { countByAccount } from '../count-by-account.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool } from '../pools.ts'
import { Returning } from '../returning.ts'
import type { StartTarget, StockRecipe, Target } from '../target.ts'
import { create, kill, remove } from './accounts.ts'
import { ask, connect, versionOf, type Rows } from './admin.ts'
import { dialectOf, type Dialect } from './dialect.ts'
import { EndedSessions } from './ended-sessions.ts'
import { isGoodbye, mysqlPools } from './pools.ts'
import { twoPasswords } from './two-passwords.ts'

/** Options of {@link mysql} and {@link mariadb}. */
export interface MysqlOptions {
  /**
   * An existing server, with an account that may create others, see all sessions and kill them. Which of the two it is the
   * server says itself. The drill makes two accounts and a schema named `rekey_drill_…`, and removes them. Default: a
   * server of its own that lives as long as the drill.
   */
  url?: string | undefined
  /** What the stock pool does at a rotation. Default: `'end-and-new'`. */
  recipe?: StockRecipe | undefined
}

/** MySQL: two accounts with the same rights, rotated in turn. */
export function mysql(options: MysqlOptions = {}): StartTarget {
  return start('mysql', options)
}

/** MariaDB: two accounts with the same rights, rotated in turn. */
export function mariadb(options: MysqlOptions = {}): StartTarget {
  return start('mariadb', options)
}

function start(
  database: Dialect['database'],
  { url, recipe = 'end-and-new' }: MysqlOptions,
): StartTarget {
  if (url !== undefined) return ({ max }) => prepare(url, max, recipe)
  return inOwnServer(database, ({ host, port, user, password, restart }, max) =>
    prepare(`mysql://${user}:${password}@${host}:${port}`, max, recipe, restart),
  )
}

async function prepare(
  url: string,
  max: number,
  recipe: StockRecipe,
  restart?: () => Promise<void>,
): Promise<Target> {
  let admin = await connect(url)
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const accounts = [`${name}_a`, `${name}_b`] as const
  const { host, port, socketPath, ssl, password: secret } = admin.config
  const connection = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(socketPath !== undefined && { socketPath }),
    ...(ssl !== undefined && { ssl }),
  }
  const ended = new EndedSessions()
  const dialect = dialectOf(await versionOf(admin))
  try {
    await create(admin, name, accounts, max)
    // Counting must not wait for a statement of the rotation.
    const counter = await Returning.by(() => connect(url))
    const list = async (client: Connection): Promise<ReadonlyMap<string, string>> => {
      // A login that was refused stands in the list for some milliseconds after its client knows; it gets into no schema.
      const text = `SELECT id AS id, user AS account FROM ${dialect.sessions} WHERE user IN (?) AND db = ?`
      type Session = Rows<{ id: number; account: string }>
      const open = await ended.leftOutOf(async () => {
        const [rows] = await client.query<Session>(text, [accounts, name])
        return rows
      })
      return new Map(open.map(({ id, account }) => [String(id), account]))
    }
    const sessionAccounts = (): Promise<ReadonlyMap<string, string>> => counter.ask(list)
    return {
      database: dialect.database,
      server: dialect.server,
      accounts,
      secrets: secret ? [secret] : [],
      async allow({ user, password }) {
        await ask(admin, `ALTER USER ?@'%' IDENTIFIED BY ? ACCOUNT UNLOCK`, [user, password])
      },
      async revoke(account) {
        const password = randomBytes(18).toString('base64url')
        await ask(admin, `ALTER USER ?@'%' IDENTIFIED BY ? ACCOUNT LOCK`, [account, password])
      },
      sessions: async () => countByAccount(await sessionAccounts()),
      two: twoPasswords(dialect, (text, values) => ask(admin, text, values)),
      sessionAccounts,
      failOver:
        restart &&
        (() =>
          counter.whileAway(async () => {
            ended.forget()
            await restart()
            admin = await connect(url)
          })),
      renews: false,
      wire: {
        at: socketPath ? { path: socketPath } : { host: host ?? 'localhost', port: port ?? 3306 },
        isPlain: !ssl,
        isGoodbye,
      },
      kill: (account) => kill(admin, dialect, account),
      openPool(kind, options) {
        const to = options.at === undefined ? connection : { ...options.at }
        const pools = mysqlPools({ ...to, database: name }, ended)
        if (kind === 'rekey') return rekeyPool(pools, options)
        return stockPool(pools, options, options.recipe ?? recipe)
      },
      async close() {
        await counter.current.end()
        await remove(admin, dialect, name, accounts).catch((error: unknown) => {
          throw new DrillError(
            `Accounts and schema named ${name}… are still there: ${String(error)}`,
            { cause: error },
          )
        })
        await admin.end()
      },
    }
  } catch (error) {
    await remove(admin, dialect, name, accounts).catch(() => {})
    await admin.end()
    throw new DrillError(
      `The accounts for the drill could not be made: ${String(error)}\n` +
        `${admin.config.user} needs CREATE USER, all rights on schemas named rekey_drill_… with GRANT OPTION, and to see and ` +
        'end the sessions of others.',
      { cause: error },
    )
  }
}
