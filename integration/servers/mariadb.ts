import { isDeepStrictEqual } from 'node:util'
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
  const logged = await countLogged(admin, users)
  if (await isUnderWay(admin, users)) return undefined
  const accepted = await countAccepted(admin, users)
  // Otherwise one has begun and ended in the meantime, and may be in some of these numbers only.
  if (!isDeepStrictEqual(logged, await countLogged(admin, users))) return undefined
  const refusals: RefusedLogin[] = []
  for (const user of users) {
    const begun = logged.get(user) ?? 0
    const denied = logged.get(denialOf(user)) ?? 0
    for (let count = 0; count < denied; count += 1)
      refusals.push({ user, code: 'ER_ACCESS_DENIED_ERROR', reason: 'credentials' })
    for (let count = (accepted.get(user) ?? 0) + denied; count < begun; count += 1)
      refusals.push({ user, code: 'ER_USER_LIMIT_REACHED', reason: 'ceiling' })
  }
  return refusals
}

/** How a line of the log begins, up to the `@` of the host; that of a login begins with the user. */
function denialOf(user: string): string {
  return `Access denied for user '${user}'`
}

/** How many lines begin with what. All at once: the log has no index, and every statement of the whole run is in it. */
function countLogged(
  admin: Connection,
  users: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const line = "substring_index(argument, '@', 1)"
  return counts(
    admin,
    `SELECT ${line} AS name, count(*) AS count FROM mysql.general_log
     WHERE command_type = 'Connect' AND ${line} IN (?) GROUP BY name ORDER BY name`,
    [...users, ...users.map(denialOf)],
  )
}

async function isUnderWay(admin: Connection, users: readonly string[]): Promise<boolean> {
  const logins = await counts(
    admin,
    `SELECT user AS name, count(*) AS count FROM information_schema.processlist
     WHERE command = 'Connect' AND user IN (?) GROUP BY user`,
    users,
  )
  return logins.size > 0
}

function countAccepted(
  admin: Connection,
  users: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return counts(
    admin,
    `SELECT user AS name, total_connections AS count FROM information_schema.user_statistics
     WHERE user IN (?)`,
    users,
  )
}

async function counts(
  admin: Connection,
  statement: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  type Row = { name: string; count: number | string } & RowDataPacket
  const [rows] = await admin.query<Row[]>(statement, [names])
  return new Map(rows.map(({ name, count }) => [name, Number(count)]))
}
