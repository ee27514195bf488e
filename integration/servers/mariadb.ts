import type { Connection, RowDataPacket } from 'mysql2/promise'
import { until } from '../until.ts'
import { connectDialect, type Dialect } from './mysql-place.ts'
import type { DualPasswords, Place, RefusedLogin, Server, ServerAddress } from './server.ts'

const mariadb: Dialect = {
  sessions: 'information_schema.processlist',
  async setPassword(admin, { user, password }) {
    await admin.query("ALTER USER ?@'%' IDENTIFIED BY ?", [user, password])
  },
  async addPassword(admin, account, password) {
    const either =
      'mysql_native_password USING PASSWORD(?) OR mysql_native_password USING PASSWORD(?)'
    await admin.query(`ALTER USER ?@'%' IDENTIFIED VIA ${either}`, [
      account.user,
      password,
      account.password,
    ])
  },
  refusedLogins: (admin, users) =>
    until('the logins that are under way to end', () => countRefusals(admin, users)),
}

/** A server that was started elsewhere. */
export function connectMariadb(address: ServerAddress): Promise<Server<Place & DualPasswords>> {
  return connectDialect(address, mariadb)
}

/**
 * The server logs each login and each wrong password, and counts the logins that it accepted. It says nothing of those that
 * it turned away because the account has too many sessions: they are the rest, together with those that asked for a
 * database that is not theirs. `undefined` while a login is under way.
 */
async function countRefusals(
  admin: Connection,
  users: readonly string[],
): Promise<RefusedLogin[] | undefined> {
  const refusals: RefusedLogin[] = []
  for (const user of users) {
    const begun = await countBegun(admin, user)
    if ((await countUnderWay(admin, user)) > 0) return undefined
    const accepted = await countAccepted(admin, user)
    const denied = await countDenied(admin, user)
    // Otherwise one has begun and ended in the meantime, and may be in some of these numbers only.
    if (begun !== (await countBegun(admin, user))) return undefined
    for (let count = 0; count < denied; count += 1)
      refusals.push({ user, code: 'ER_ACCESS_DENIED_ERROR', reason: 'credentials' })
    for (let count = accepted + denied; count < begun; count += 1)
      refusals.push({ user, code: 'ER_USER_LIMIT_REACHED', reason: 'ceiling' })
  }
  return refusals
}

function countBegun(admin: Connection, user: string): Promise<number> {
  return sum(
    admin,
    '1',
    "mysql.general_log WHERE command_type = 'Connect' AND argument LIKE concat(?, '@%')",
    user,
  )
}

function countDenied(admin: Connection, user: string): Promise<number> {
  const line = "concat('Access denied for user \\'', ?, '\\'@%')"
  return sum(
    admin,
    '1',
    `mysql.general_log WHERE command_type = 'Connect' AND argument LIKE ${line}`,
    user,
  )
}

function countUnderWay(admin: Connection, user: string): Promise<number> {
  const logins = "information_schema.processlist WHERE command = 'Connect' AND user = ?"
  return sum(admin, '1', logins, user)
}

function countAccepted(admin: Connection, user: string): Promise<number> {
  return sum(admin, 'total_connections', 'information_schema.user_statistics WHERE user = ?', user)
}

async function sum(admin: Connection, what: string, of: string, user: string): Promise<number> {
  const statement = `SELECT coalesce(sum(${what}), 0) AS sum FROM ${of}`
  const [[row]] = await admin.query<({ sum: number | string } & RowDataPacket)[]>(statement, [user])
  return Number(row?.sum)
}
