import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { until } from '../until.ts'
import { pauseNode } from './pause.ts'
import { leaveDatabase, takeDatabase } from './postgres-database.ts'
import type { Account, Place, RefusedLogin, Server, ServerAddress, Session } from './server.ts'

/** A server that was started elsewhere. */
export async function connectPostgres(address: ServerAddress): Promise<Server> {
  const { host, port, user, password } = address
  const admin = new pg.Client({ host, port, user, password, database: 'postgres' })
  await admin.connect()
  return {
    host,
    port,
    createPlace: ({ sessions }) => createPlace(admin, address, sessions),
    pause: () => pauseNode(address),
    [Symbol.asyncDispose]: () => admin.end(),
  }
}

async function createPlace(admin: pg.Client, at: ServerAddress, ceiling: number): Promise<Place> {
  const database = `place_${randomBytes(6).toString('hex')}`
  const owner = `${database}_owner`
  const accounts: string[] = []
  // Each role's limit would let two of them pass together; the database counts all but superusers.
  await takeDatabase(admin, database)
  await admin.query(`ALTER DATABASE ${database} CONNECTION LIMIT ${ceiling}`)
  await admin.query(`CREATE ROLE ${owner} NOLOGIN`)
  await admin.query(`ALTER DATABASE ${database} OWNER TO ${owner}`)
  // An owner has no rights over those who are in it: without this nobody could cancel a statement from elsewhere.
  await admin.query(`GRANT pg_signal_backend TO ${owner}`)

  async function setPassword({ user, password }: Account): Promise<void> {
    await admin.query(`ALTER ROLE ${user} LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
  }

  async function newPassword(user: string): Promise<Account> {
    const account = { user, password: randomBytes(12).toString('hex') }
    await setPassword(account)
    return account
  }

  return {
    host: at.host,
    port: at.port,
    database,
    async createAccount() {
      const user = `${database}_${accounts.length}`
      accounts.push(user)
      await admin.query(`CREATE ROLE ${user} NOLOGIN IN ROLE ${owner} CONNECTION LIMIT ${ceiling}`)
      // Whichever account logs in, what it makes belongs to the owner.
      await admin.query(`ALTER ROLE ${user} SET role = ${owner}`)
      return newPassword(user)
    },
    rotate: ({ user }) => newPassword(user),
    setPassword,
    async revoke({ user }) {
      await admin.query(`ALTER ROLE ${user} NOLOGIN PASSWORD NULL`)
    },
    async sessions(user) {
      const { rows } = await admin.query<Session>(
        `SELECT pid AS id, usename AS user FROM pg_stat_activity
         WHERE usename = ANY($1) ORDER BY backend_start`,
        [user === undefined ? accounts : [user]],
      )
      return rows
    },
    async kill({ id }) {
      await admin.query('SELECT pg_terminate_backend($1)', [id])
    },
    refusedLogins: () => readRefusals(admin, at.log, accounts),
    async [Symbol.asyncDispose]() {
      const roles = [...accounts, owner]
      await leaveDatabase(admin, database, roles)
      await admin.query(`DROP ROLE ${roles.join(', ')}`)
    },
  }
}

async function readRefusals(
  admin: pg.Client,
  log: string,
  users: string[],
): Promise<RefusedLogin[]> {
  // The log comes through a pipe, in order but later: what happened before the marker stands before it.
  const marker = randomBytes(12).toString('hex')
  await admin.query(`DO $$ BEGIN RAISE LOG '${marker}'; END $$`)
  const text = await until('the server log to be written', async () => {
    const [before, after] = (await readFile(log, 'utf8')).split(marker)
    return after === undefined ? undefined : before
  })
  const lines = text.matchAll(/^(?<user>\w+)\|(?<code>\w{5})\|FATAL:/gm)
  return [...lines]
    .map(({ groups }) => ({ user: groups?.['user'] ?? '', code: groups?.['code'] ?? '' }))
    .filter(({ user }) => users.includes(user))
    .map(({ user, code }) => ({ user, code, reason: reasonOf(code) }))
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
function reasonOf(code: string): RefusedLogin['reason'] {
  if (code === '28P01' || code === '28000') return 'credentials'
  return code === '53300' ? 'ceiling' : 'other'
}

/** Whether a client takes its leave: a Terminate message, `X` with a length of 4. */
export function isGoodbye(chunk: Buffer): boolean {
  return chunk.subarray(-5).equals(Buffer.from([0x58, 0, 0, 0, 4]))
}
