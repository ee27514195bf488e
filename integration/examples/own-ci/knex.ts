import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import knex, { type Knex } from 'knex'
import { accounts, server } from './shop.ts'

export const knexShop: Workload<{ db: Knex; pool: Pool }> = {
  ...accounts,
  open(credentials) {
    const pool = new Pool({ ...server, credentials })
    return { db: knex({ client: 'pg', connectionPool: pool }), pool }
  },
  async work({ db }) {
    const { rows } = await db.raw<{ rows: { user: string }[] }>('SELECT session_user AS user')
    return rows[0]?.user
  },
  drained: ({ pool }) => pool.drained(),
  async close({ db, pool }) {
    await db.destroy()
    await pool.end()
  },
}
