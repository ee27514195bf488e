import { randomBytes } from 'node:crypto'
import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import pg from 'pg'

// As an admin: for the rotations, and to count sessions.
const admin = new pg.Pool({ connectionString: process.env['TEST_DATABASE_URL'], max: 1 })
const {
  host,
  port,
  database = '',
} = await admin.connect().then((client) => {
  client.release()
  return client
})
const users = ['shop_a', 'shop_b'] as const
let rotations = 0

/** The service's own pool and queries, and the rotation as the operator does it. */
export const shop: Workload<pg.Pool> = {
  name: 'the shop',
  open: (credentials) =>
    new Pool({ host, port, database, max: 5, credentials, rotation: { spread: 500 } }),
  async work(pool) {
    const { rows } = await pool.query<{ user: string }>('SELECT session_user AS user')
    return rows[0]?.user
  },
  async rotate() {
    const user = users[rotations++ % 2 === 0 ? 0 : 1]
    const password = randomBytes(16).toString('hex')
    await admin.query(`ALTER ROLE ${user} LOGIN PASSWORD '${password}'`)
    return { user, password }
  },
  async sessions() {
    const { rows } = await admin.query<{ user: string; count: number }>(
      'SELECT usename AS user, count(*)::int AS count FROM pg_stat_activity WHERE usename = ANY($1) GROUP BY 1',
      [users],
    )
    return new Map(rows.map(({ user, count }) => [user, count]))
  },
  async close(pool) {
    await pool.end()
    await admin.end()
  },
}
