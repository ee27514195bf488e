import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../until.ts'
import type { Account, RunningServer } from '../server.ts'
import { startServer } from '../start.ts'
import { expectOneAccount } from './accounts.ts'
import { connectRedisUnderSentinel, type RedisUnderSentinel } from './connect-sentinel.ts'

describe('Redis under Sentinel', () => {
  let server: RunningServer
  let group: RedisUnderSentinel

  beforeAll(async () => {
    server = await startServer('redis-sentinel')
    group = connectRedisUnderSentinel(server)
    // Seven containers at once take their time.
  }, 180_000)

  afterAll(async () => {
    await group?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  function connect({ user: username, password }: Account): Redis & Disposable {
    const redis = new Redis({
      sentinels: group.sentinels.map(({ host, port }) => ({ host, port })),
      name: group.name,
      username,
      password,
      // A frozen server does not close: only the missing answer shows that it is gone.
      socketTimeout: 3_000,
      connectTimeout: 1_000,
      maxRetriesPerRequest: null,
    })
    redis.on('error', () => {})
    return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() })
  }

  test('has an account on every node, also on one that was paused meanwhile', async () => {
    await using place = group.createPlace()
    await expectOneAccount(place, group.nodes, () => group.pause(group.nodes[2]!))
  })

  test('leads to the primary, and to the next one when it is told to', async () => {
    await using place = group.createPlace()
    using redis = connect(await place.createAccount())
    const key = `${place.database}key`
    await redis.set(key, 'value')
    expect(await redis.wait(2, 5_000)).toBe(2)
    const [before] = await group.primaries()
    expect(redis.stream.remotePort).toBe(before!.port)
    const next = await group.failover()
    expect(next).not.toEqual(before)
    await until('a connection to it', () => redis.stream.remotePort === next.port)
    expect(await redis.get(key)).toBe('value')
  })

  test('leads to the next primary when one is frozen', async () => {
    await using place = group.createPlace()
    using redis = connect(await place.createAccount())
    const key = `${place.database}key`
    await redis.set(key, 'value')
    expect(await redis.wait(2, 5_000)).toBe(2)
    const [frozen] = await group.primaries()
    {
      await using _pause = await group.pause(frozen!)
      expect(await redis.get(key)).toBe('value')
      expect(redis.stream.remotePort).not.toBe(frozen!.port)
      expect(await group.primaries()).not.toContain(frozen)
    }
  })

  test('leads to the next primary when one is killed', async () => {
    await using place = group.createPlace()
    using redis = connect(await place.createAccount())
    const [killed] = await group.primaries()
    await redis.set(`${place.database}key`, 'value')
    await group.kill(killed!)
    await redis.set(`${place.database}key`, 'another')
    expect(redis.stream.remotePort).not.toBe(killed!.port)
  })
})
