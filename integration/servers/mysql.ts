import type { Connection, RowDataPacket } from 'mysql2/promise'
import { connectDialect, type Dialect } from './mysql-place.ts'
import type { DualPasswords, Place, RefusedLogin, Server, ServerAddress } from './server.ts'

const mysql: Dialect = {
  sessions: 'performance_schema.processlist',
  async setPassword(admin, { user, password }) {
    await admin.query("ALTER USER ?@'%' IDENTIFIED BY ?", [user, password])
    // A second one that it may have is untouched by that.
    await admin.query("ALTER USER ?@'%' DISCARD OLD PASSWORD", [user])
  },
  async addPassword(admin, { user }, password) {
    const statement = "ALTER USER ?@'%' IDENTIFIED BY ? RETAIN CURRENT PASSWORD"
    await admin.query(statement, [user, password])
  },
  refusedLogins,
}

/** A server that was started elsewhere. */
export function connectMysql(address: ServerAddress): Promise<Server<Place & DualPasswords>> {
  return connectDialect(address, mysql)
}

// https://dev.mysql.com/doc/mysql-errors/en/server-error-reference.html
const reasons: Readonly<Record<string, RefusedLogin['reason']>> = {
  ER_ACCESS_DENIED_ERROR: 'credentials',
  ER_ACCOUNT_HAS_BEEN_LOCKED: 'credentials',
  ER_USER_LIMIT_REACHED: 'ceiling',
}

interface Refusals extends RowDataPacket {
  readonly user: string
  readonly code: string
  readonly times: number
}

/** By the server's own counts of its errors, which know no order but that of the first of each. */
async function refusedLogins(admin: Connection, users: readonly string[]): Promise<RefusedLogin[]> {
  const [rows] = await admin.query<Refusals[]>(
    `SELECT user AS user, error_name AS code, sum_error_raised AS times
     FROM performance_schema.events_errors_summary_by_user_by_error
     WHERE user IN (?) AND error_name IN (?) AND sum_error_raised > 0 ORDER BY first_seen`,
    [users, Object.keys(reasons)],
  )
  return rows.flatMap(({ user, code, times }) =>
    Array.from({ length: times }, () => ({ user, code, reason: reasons[code] ?? 'other' })),
  )
}
