import type { Clock } from '@rekey/core'
import type pg from 'pg'
import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres, isGoodbye } from '../servers/postgres.ts'

export const postgres: ServerAccess = {
  connectServer: async () => connectPostgres(await serverAddress('postgres')),
  isGoodbye,
}

/** A stage whose database allows this many sessions. */
export async function openStage({
  sessions = 4,
  clock,
}: { sessions?: number; clock?: Clock } = {}): Promise<Stage> {
  return new Stage(await setUp(postgres, sessions), clock)
}

/** A pool that is over with its block, whatever is lent, and whose idle clients may die in peace. */
export function closing<Pool extends pg.Pool>(pool: Pool): Pool & AsyncDisposable {
  pool.on('error', () => {})
  return Object.assign(pool, {
    async [Symbol.asyncDispose]() {
      if (pool.ending) return
      const ended = pool.end()
      const { _clients: lent } = pool as unknown as { _clients: pg.PoolClient[] }
      for (const client of lent) client.release?.(true)
      await ended
    },
  })
}

export async function userOf(client: pg.ClientBase | pg.Pool): Promise<string> {
  // The role that logged in: `current_user` is the owner that the accounts share.
  const { rows } = await client.query<{ user: string }>('SELECT session_user AS user')
  return rows[0]?.user ?? ''
}

export function lend(pool: pg.Pool, count: number): Promise<pg.PoolClient[]> {
  return Promise.all(Array.from({ length: count }, () => pool.connect()))
}

/** Opens this many connections and leaves them idle. */
export async function fill(pool: pg.Pool, count: number): Promise<void> {
  for (const client of await lend(pool, count)) client.release()
}
