import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { accounts, server } from './shop.ts'

export const kyselyShop: Workload<Kysely<object>> = {
  ...accounts,
  open: (credentials) =>
    new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ ...server, credentials }) }) }),
  async work(db) {
    const { rows } = await sql<{ user: string }>`SELECT session_user AS user`.execute(db)
    return rows[0]?.user
  },
  close: (db) => db.destroy(),
}
