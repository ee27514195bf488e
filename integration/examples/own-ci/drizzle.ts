import type { Workload } from '@rekey/drill'
import { Pool } from '@rekey/pg'
import { sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { accounts, server } from './shop.ts'

export const drizzleShop: Workload<NodePgDatabase & { $client: Pool }> = {
  ...accounts,
  open: (credentials) => drizzle(new Pool({ ...server, credentials })),
  async work(db) {
    const { rows } = await db.execute<{ user: string }>(sql`SELECT session_user AS user`)
    return rows[0]?.user
  },
  close: (db) => db.$client.end(),
}
