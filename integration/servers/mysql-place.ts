import { randomBytes } from 'node:crypto'
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise'
import { pauseNode } from './pause.ts'
import type {
  Account,
  DualPasswords,
  Place,
  RefusedLogin,
  Server,
  ServerAddress,
  Session,
} from './server.ts'

/** What MySQL and MariaDB do in different ways. */
export interface Dialect {
  /** The table of the open sessions. */
  readonly sessions: string
  /** Gives an account a new password, and only that one. */
  setPassword(admin: Connection, account: Account): Promise<void>
  /** Gives an account a new password beside the one that it has. */
  addPassword(admin: Connection, account: Account, password: string): Promise<void>
  refusedLogins(admin: Connection, users: readonly string[]): Promise<RefusedLogin[]>
}

/** A server that was started elsewhere. */
export async function connectDialect(
  address: ServerAddress,
  dialect: Dialect,
): Promise<Server<Place & DualPasswords>> {
  const { host, port, user, password } = address
  const admin = await createConnection({ host, port, user, password })
  return {
    host,
    port,
    createPlace: ({ sessions }) => createPlace(admin, address, dialect, sessions),
    pause: () => pauseNode(address),
    [Symbol.asyncDispose]: () => admin.end(),
  }
}

async function createPlace(
  admin: Connection,
  { host, port }: ServerAddress,
  dialect: Dialect,
  ceiling: number,
): Promise<Place & DualPasswords> {
  // Without an underscore: in a grant that would stand for any letter.
  const database = `place${randomBytes(6).toString('hex')}`
  const accounts: string[] = []
  await admin.query(`CREATE DATABASE ${database}`)

  async function sessions(user?: string): Promise<Session[]> {
    if (accounts.length === 0) return []
    const [rows] = await admin.query<(Session & RowDataPacket)[]>(
      `SELECT id AS id, user AS user FROM ${dialect.sessions} WHERE user IN (?) ORDER BY id`,
      [user === undefined ? accounts : [user]],
    )
    return rows
  }

  async function kill({ id }: Session): Promise<void> {
    await admin.query('KILL ?', [id]).catch((error: { code?: string }) => {
      // It may have ended by itself.
      if (error.code !== 'ER_NO_SUCH_THREAD') throw error
    })
  }

  const setPassword = (account: Account): Promise<void> => dialect.setPassword(admin, account)

  async function rotate({ user }: { user: string }): Promise<Account> {
    const account = { user, password: newPassword() }
    await setPassword(account)
    return account
  }

  return {
    host,
    port,
    database,
    async createAccount() {
      const account = { user: `${database}_${accounts.length}`, password: newPassword() }
      accounts.push(account.user)
      // The limit is each account's own: two of them may pass it together.
      await admin.query(`CREATE USER ?@'%' IDENTIFIED BY ? WITH MAX_USER_CONNECTIONS ${ceiling}`, [
        account.user,
        account.password,
      ])
      await admin.query(`GRANT ALL ON ${database}.* TO ?@'%'`, [account.user])
      return account
    },
    rotate,
    setPassword,
    async revoke({ user }) {
      // As with a password that is not the right one: MariaDB does not count those that it turns away from a locked account.
      await rotate({ user })
    },
    async retain(account) {
      const password = newPassword()
      await dialect.addPassword(admin, account, password)
      return { ...account, password }
    },
    discard: setPassword,
    sessions,
    kill,
    refusedLogins: async () =>
      accounts.length === 0 ? [] : dialect.refusedLogins(admin, accounts),
    async [Symbol.asyncDispose]() {
      // A transaction that is open would hold the database up.
      for (const session of await sessions()) await kill(session)
      await admin.query(`DROP DATABASE ${database}`)
      for (const user of accounts) await admin.query("DROP USER ?@'%'", [user])
    },
  }
}

function newPassword(): string {
  return randomBytes(12).toString('hex')
}
