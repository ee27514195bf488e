import { randomBytes } from 'node:crypto'
import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import pg from 'pg'

const url = new URL(process.env['TEST_DATABASE_URL'] ?? '')
/** Where the pools connect, and how they rotate. */
export const server = {
  ...{ host: url.hostname, port: Number(url.port), database: url.pathname.slice(1) },
  ...{ max: 5, rotation: { spread: 500 } },
}

// As an admin: for the rotations, and to count sessions.
const admin = new pg.Pool({ connectionString: url.href, max: 1, allowExitOnIdle: true })
const users = ['shop_a', 'shop_b'] as const
let rotations = 0

/** The rotation as the operator does it, and what the server has open. */
export const accounts: Pick<Workload<unknown>, 'rotate' | 'sessions'> = {
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
}

/** The service's own pool and queries. */
export const shop: Workload<Pool> = {
  ...accounts,
  name: 'the shop',
  open: (credentials) => new Pool({ ...server, credentials }),
  async work(pool) {
    const { rows } = await pool.query<{ user: string }>('SELECT session_user AS user')
    return rows[0]?.user
  },
  close: (pool) => pool.end(),
}
