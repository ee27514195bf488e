import { createRedisPool } from '@rekey/ioredis/pool'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import type { Adapter } from '../contract/adapter.ts'
import { holds } from './holds.ts'
import { adaptPool } from './pool-adapter.ts'
import { server } from './stage.ts'

/** The server's numbers for the connections, overheard when the pool asks for them: to ask again would change who is served when. */
const sessions = new WeakMap<Redis, number>()
const { prototype } = Redis as unknown as { prototype: { client: Client } }
type Client = (this: Redis, ...words: unknown[]) => Promise<unknown>
const asked = prototype.client

function overheard(this: Redis, ...words: unknown[]): Promise<unknown> {
  const reply = asked.apply(this, words)
  void reply.then(
    (id) => words[0] === 'ID' && sessions.set(this, Number(id)),
    () => {},
  )
  return reply
}

/** The server's code is the first word of what it says. */
function withCode(error: Error): never {
  throw Object.assign(error, { code: error.message.split(' ')[0] })
}

/** For the test file that calls it. */
export function adapterFor(name: 'redis' | 'valkey'): Adapter<Redis> {
  beforeAll(() => void (prototype.client = overheard))
  // The next file's own unhandled rejections would be handled by it.
  afterAll(() => void (prototype.client = asked))
  return {
    name: `generic-pool on ${name}`,
    endedMessage: 'pool is draining and cannot accept work',
    ...server(name),
    openPool({ host, port, database: keyPrefix }, credentials, options) {
      const pool = createRedisPool(credentials, { host, port, keyPrefix }, options)
      return Object.assign(adaptPool(pool), { borrow: () => pool.acquire().catch(withCode) })
    },
    userOf: (redis) => redis.acl('WHOAMI'),
    sessionOf: (redis) => sessions.get(redis) ?? 0,
    counter: {
      make: async (redis) => void (await redis.set('counter', 0)),
      async countSlowly(redis) {
        await Promise.all([redis.incr('counter'), redis.blpop('nothing', 30)])
      },
      read: async (redis) => Number(await redis.get('counter')),
    },
    holds,
  }
}
