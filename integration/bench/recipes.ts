import { createCredentials, fromFunction } from '@rekey/core'
import { Pool } from '@rekey/pg'
import pg from 'pg'
import type { Account } from '../servers/server.ts'
import type { Target } from './load.ts'
import type { Server } from './server.ts'

/** A pool that is being rotated in one way or another. */
export interface Rotated extends Target {
  /** Whether `rotate` resolves when the last old connection is closed. */
  readonly drains: boolean
  /** Takes up a new account; resolves when the recipe has nothing more to do. */
  rotate(account: Account): Promise<void>
  end(): Promise<void>
}

export type Recipe = (server: Server, max: number) => Rotated

// Connections are not given up for idleness: at each rotation all of them are open.
function options({ address }: Server, max: number): pg.PoolConfig {
  return { ...address, max, idleTimeoutMillis: 0 }
}

function stockPool(server: Server, max: number, account: Account): pg.Pool {
  const pool = new pg.Pool({ ...options(server, max), ...account })
  pool.on('error', () => {})
  return pool
}

/** New connections log in with the new account, old ones stay for ever. Rotates nothing: the noise of the measurement. */
export const mutateOptions: Recipe = (server, max) => {
  const pool = stockPool(server, max, server.accounts[0])
  return {
    drains: false,
    query: (sql) => pool.query(sql),
    connect: () => pool.connect(),
    async rotate(account) {
      Object.assign(pool.options, account)
    },
    end: () => pool.end(),
  }
}

/** The recipe of most answers on the web: a new pool takes over, the old one is ended. */
export const endAndNew: Recipe = (server, max) => {
  let pool = stockPool(server, max, server.accounts[0])
  return {
    drains: false,
    query: (sql) => pool.query(sql),
    connect: () => pool.connect(),
    async rotate(account) {
      const old = pool
      pool = stockPool(server, max, account)
      await old.end()
    },
    end: () => pool.end(),
  }
}

/** What HikariCP and pgx do: idle connections are closed at once, lent ones when they are given back. */
export const evictIdle: Recipe = (server, max) => {
  const pool = stockPool(server, max, server.accounts[0])
  const internals = pool as unknown as {
    _clients: pg.Client[]
    _idle: { client: pg.Client }[]
    _expired: WeakSet<pg.Client>
    _remove(client: pg.Client): void
  }
  return {
    drains: false,
    query: (sql) => pool.query(sql),
    connect: () => pool.connect(),
    async rotate(account) {
      Object.assign(pool.options, account)
      for (const { client } of [...internals._idle]) internals._remove(client)
      for (const client of internals._clients) internals._expired.add(client)
    },
    end: () => pool.end(),
  }
}

/** Our pool, with the timings that derive from an overlap, or with a pause of so many milliseconds between replacements. */
export function rekey({ overlap, pause }: { overlap: number; pause?: number }): Recipe {
  return (server, max) => {
    let account = server.accounts[0]
    let version = 1
    const source = fromFunction(() => ({ ...account, version: String(version) }))
    const credentials = createCredentials(source, { overlap })
    const pool = new Pool({
      ...options(server, max),
      credentials,
      rotation: { spread: pause === undefined ? undefined : pause * max },
    })
    pool.on('error', () => {})
    return {
      drains: true,
      query: (sql) => pool.query(sql),
      connect: () => pool.connect(),
      async rotate(next) {
        account = next
        version += 1
        await credentials.refresh()
        await pool.drained()
      },
      async end() {
        await pool.end()
        await credentials.close()
      },
    }
  }
}
