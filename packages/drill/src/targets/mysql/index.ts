import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createConnection,
  type Connection,
  type QueryResult,
  type RowDataPacket,
} from 'mysql2/promise'
import { DrillError } from '../../error.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool, type StockRecipe } from '../pools.ts'
import type { StartTarget, Target } from '../target.ts'
import { dialectOf, type Dialect } from './dialect.ts'
import { mysqlPools } from './pools.ts'

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
  return inOwnServer(database, ({ host, port, user, password }, max) =>
    prepare(`mysql://${user}:${password}@${host}:${port}`, max, recipe),
  )
}

type Rows<Row> = (Row & RowDataPacket)[]

async function prepare(url: string, max: number, recipe: StockRecipe): Promise<Target> {
  const admin = await connect(url)
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const accounts = [`${name}_a`, `${name}_b`] as const
  const { host, port, socketPath, ssl, password: secret } = admin.config
  const connection = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(socketPath !== undefined && { socketPath }),
    ...(ssl !== undefined && { ssl }),
  }
  const pools = mysqlPools({ connection, schema: name })
  const dialect = dialectOf(await versionOf(admin))
  try {
    await create(admin, name, accounts, max)
    // Counting must not wait for a statement of the rotation.
    const counter = await connect(url)
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
      async sessions() {
        const [rows] = await counter.query<Rows<{ account: string; sessions: number }>>(
          `SELECT user AS account, COUNT(*) AS sessions FROM ${dialect.sessions}
          WHERE user IN (?) GROUP BY user`,
          [accounts],
        )
        return new Map(rows.map(({ account, sessions }) => [account, sessions]))
      },
      kill: (account) => kill(admin, dialect, account),
      openPool: (kind, options) =>
        kind === 'rekey' ? rekeyPool(pools, options) : stockPool(pools, options, recipe),
      async close() {
        await counter.end()
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
    throw new DrillError(`The accounts for the drill could not be made: ${String(error)}`, {
      cause: error,
    })
  }
}

async function connect(url: string): Promise<Connection> {
  try {
    const connection = await createConnection(url)
    // A server that goes away is noticed by the next statement.
    return connection.on('error', () => {})
  } catch (error) {
    const { hostname, port, username } = new URL(url)
    const where = `${hostname}:${port || 3306} as ${username}`
    throw new DrillError(`The server could not be reached at ${where}: ${String(error)}`, {
      cause: error,
    })
  }
}

async function create(
  admin: Connection,
  name: string,
  accounts: readonly string[],
  max: number,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.query(
    `CREATE TABLE ${name}.ledger
    (id BIGINT AUTO_INCREMENT PRIMARY KEY, account VARCHAR(80) NOT NULL, session BIGINT NOT NULL)`,
  )
  for (const account of accounts) {
    // The limit makes the server refuse what goes over the ceiling, beside our counting of it.
    await admin.query(
      `CREATE USER ?@'%' IDENTIFIED BY ? WITH MAX_USER_CONNECTIONS ${max} ACCOUNT LOCK`,
      [account, randomBytes(18).toString('base64url')],
    )
    await admin.query(`GRANT ALL ON ${name}.* TO ?@'%'`, [account])
  }
}

async function remove(
  admin: Connection,
  dialect: Dialect,
  name: string,
  accounts: readonly string[],
): Promise<void> {
  // An open transaction would hold the schema up.
  for (const account of accounts) await kill(admin, dialect, account)
  await admin.query(`DROP DATABASE IF EXISTS ${name}`)
  for (const account of accounts) await admin.query(`DROP USER IF EXISTS ?@'%'`, [account])
}

/** How long a session that was killed may take to go, in milliseconds. */
const killLimit = 5_000

async function kill(admin: Connection, { sessions }: Dialect, account: string): Promise<void> {
  for (const deadline = performance.now() + killLimit; ; await sleep(5)) {
    const open = `SELECT id AS id FROM ${sessions} WHERE user = ?`
    const rows = await ask<Rows<{ id: number }>>(admin, open, [account])
    if (rows.length === 0 || performance.now() > deadline) return
    for (const { id } of rows) {
      await ask(admin, 'KILL ?', [id]).catch((error: { cause?: { code?: string } }) => {
        // It may have ended by itself.
        if (error.cause?.code !== 'ER_NO_SUCH_THREAD') throw error
      })
    }
  }
}

async function ask<Result extends QueryResult>(
  admin: Connection,
  text: string,
  values: unknown[],
): Promise<Result> {
  try {
    const [result] = await admin.query<Result>(text, values)
    return result
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}

async function versionOf(admin: Connection): Promise<string> {
  const [row] = await ask<Rows<{ version: string }>>(admin, 'SELECT VERSION() AS version', [])
  return row?.version ?? ''
}
