import { once } from 'node:events'
import type { Redis } from 'ioredis'
import { expect } from 'vitest'
import type { Hold } from '../contract/adapter.ts'

/** What an exclusive connection can be in the middle of. */
export const holds: Readonly<Record<string, Hold<Redis>>> = {
  async 'an open MULTI'(redis) {
    await redis.multi({ pipeline: false })
    let queued = 0
    return {
      async check() {
        queued += 1
        expect(await redis.incr('counted')).toBe('QUEUED')
      },
      async finish() {
        // No reply of anybody else is among them.
        expect(await redis.exec()).toEqual(
          Array.from({ length: queued }, (_, at) => [null, at + 1]),
        )
      },
    }
  },

  async 'a watched key'(redis) {
    await redis.watch('watched')
    return {
      async check() {
        expect(await redis.get('watched')).toBeNull()
      },
      async finish() {
        await apart(redis, (other) => other.set('watched', 'changed'))
        expect(await redis.multi().set('watched', 'mine').exec()).toBeNull()
      },
    }
  },

  async 'a blocking read'(redis) {
    let isAnswered = false
    const reading = redis.blpop('jobs', 0).finally(() => (isAnswered = true))
    return {
      async check() {
        expect(isAnswered).toBe(false)
      },
      async finish() {
        await apart(redis, (other) => other.rpush('jobs', 'a job'))
        expect(await reading).toEqual([`${redis.options.keyPrefix}jobs`, 'a job'])
      },
    }
  },

  async 'a subscription'(redis) {
    const channel = `${redis.options.keyPrefix}news`
    await redis.subscribe(channel)
    const told: string[] = []
    redis.on('message', (_, message: string) => told.push(message))
    let published = 0
    return {
      async check() {
        published += 1
        const heard = once(redis, 'message')
        await apart(redis, (other) => other.publish(channel, String(published)))
        await heard
      },
      async finish() {
        expect(told).toEqual(['1', '2', '3'])
        await redis.unsubscribe(channel)
      },
    }
  },

  async 'a pipeline that is half read'(redis) {
    const length = 30_000
    const pipeline = redis.pipeline()
    for (let call = 0; call < length; call += 1) pipeline.incr('piped')
    const running = pipeline.exec()
    return {
      async check() {
        expect(await redis.exists('piped')).toBe(1)
      },
      async finish() {
        const replies = await running
        expect(replies?.map(([, reply]) => reply)).toEqual(
          Array.from({ length }, (_, at) => at + 1),
        )
      },
    }
  },

  async 'a chosen database and a name'(redis) {
    await redis.select(3)
    await redis.client('SETNAME', 'held')
    await redis.set('where', 'here')
    return {
      async check() {
        expect(await redis.client('GETNAME')).toBe('held')
        expect(await redis.get('where')).toBe('here')
      },
      async finish() {
        await redis.del('where')
        await redis.select(0)
      },
    }
  },
}

/** Does something on a connection of its own, which is made as users make one. */
async function apart(redis: Redis, act: (other: Redis) => Promise<unknown>): Promise<void> {
  const other = redis.duplicate()
  try {
    await act(other)
  } finally {
    other.disconnect()
    await once(other, 'end')
  }
}
