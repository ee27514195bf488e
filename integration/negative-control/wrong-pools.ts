import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credentials, CredentialsCache } from '@rekey/core'
import pg from 'pg'
import type { Address, Pool, PoolOptions } from '../contract/adapter.ts'
import { adapter } from '../pg/contract-adapter.ts'
import { Books } from './books.ts'

export type WrongPool = (
  at: Address,
  credentials: CredentialsCache,
  options: PoolOptions,
) => Pool<pg.PoolClient>

/** What is used of the driver's pool beyond its types. */
interface Internals {
  _idle: { client: pg.Client }[]
  _clients: pg.Client[]
  _expired: WeakSet<object>
  _remove(client: pg.Client, callback: () => void): void
  options: { user?: string; password?: string }
}

const internals = (pool: pg.Pool): Internals => pool as unknown as Internals

/** The driver's own pool, which is told of new credentials and does with them what people do today. */
function stock({
  change,
  login = ({ user, password }) => ({ user, password: password.reveal() }),
  borrow = (pool) => pool.connect(),
}: {
  /** Gives back the pool that serves from now on. */
  change: (pool: pg.Pool, credentials: Credentials, open: () => pg.Pool) => pg.Pool
  login?: (first: Credentials, cache: CredentialsCache) => pg.PoolConfig
  borrow?: (pool: pg.Pool) => Promise<pg.PoolClient>
}): WrongPool {
  return (at, credentials, { max }) => {
    let pool: pg.Pool | undefined
    let ended = false
    const all: pg.Pool[] = []
    const books = new Books(credentials, () =>
      all.flatMap((each) => internals(each)._idle.map(({ client }) => client)),
    )
    const open = (snapshot: Credentials): pg.Pool => {
      const opened = new pg.Pool({
        ...at,
        ...login(snapshot, credentials),
        max,
        idleTimeoutMillis: 0,
        Client: books.Client,
      })
      opened.on('error', () => {})
      all.push(opened)
      return opened
    }
    const unsubscribe = credentials.subscribe(({ credentials: next }) => {
      books.turn(next.version)
      if (pool !== undefined) pool = change(pool, next, () => open(next))
    })
    return {
      async borrow() {
        if (ended) throw new Error('Cannot use a pool after calling end on the pool')
        const current = await credentials.get()
        pool ??= open(current)
        return borrow(pool)
      },
      release: (client) => client.release(),
      discard: (client) => client.release(true),
      get generations() {
        return books.generations
      },
      drained: () => books.drained(),
      onDrained: (listener) => books.onDrained(listener),
      async end() {
        ended = true
        unsubscribe()
        if (pool !== undefined && !pool.ending) await pool.end()
      },
    }
  }
}

function mutate(pool: pg.Pool, { user, password }: Credentials): pg.Pool {
  Object.assign(internals(pool).options, { user, password: password.reveal() })
  return pool
}

function evictIdle(pool: pg.Pool, credentials: Credentials): pg.Pool {
  const { _idle, _clients, _expired } = internals(pool)
  mutate(pool, credentials)
  for (const client of _clients) _expired.add(client)
  for (const { client } of [..._idle]) internals(pool)._remove(client, () => {})
  return pool
}

function destroyAll(pool: pg.Pool, credentials: Credentials): pg.Pool {
  const { _clients } = internals(pool)
  evictIdle(pool, credentials)
  for (const client of _clients) {
    ;(client as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
  }
  return pool
}

/** Tries until it works, whatever the error, for as long as the pool is there; each time after a pause. */
async function insist<Value>(pool: pg.Pool, action: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (pool.ending) throw error
      await sleep(1_000)
    }
  }
}

/** A client whose statements are sent again on another connection when they fail. */
function replaying(client: pg.PoolClient, pool: pg.Pool): pg.PoolClient {
  const query = client.query.bind(client) as (...values: unknown[]) => unknown
  const again = (values: unknown[]): Promise<unknown> =>
    insist(pool, async () => {
      const other = await pool.connect()
      try {
        return await (other.query as (...all: unknown[]) => Promise<unknown>)(...values)
      } finally {
        other.release()
      }
    })
  const replay = (...values: unknown[]): unknown => {
    const result = query(...values)
    return result instanceof Promise ? result.catch(() => again(values)) : result
  }
  return Object.assign(client, { query: replay })
}

// The driver takes a function for the password, and none for the user.
function livePassword({ user }: Credentials, cache: CredentialsCache): pg.PoolConfig {
  return { user, password: async () => (await cache.get()).password.reveal() }
}

/** Each as people have built it, and wrong. */
export const wrongPools = {
  'end and new': stock({
    change(pool, _, open) {
      void pool.end()
      return open()
    },
  }),
  'mutate the options': stock({ change: mutate }),
  'evict all idle': stock({ change: evictIdle }),
  'destroy everything': stock({ change: destroyAll }),
  'password only': stock({ change: (pool) => pool, login: livePassword }),
  'retry everything': stock({
    change: evictIdle,
    borrow: async (pool) => replaying(await insist(pool, () => pool.connect()), pool),
  }),
  'end without waiting': (...of) => Object.assign(adapter.openPool(...of), { end: async () => {} }),
} as const satisfies Record<string, WrongPool>

export type WrongPoolName = keyof typeof wrongPools
