import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { Redis, rotatingRedisOptions, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../packages/core/test/virtual-clock.ts'
import type { Stage } from '../contract/stage.ts'
import type { RedisUnderSentinel } from '../servers/redis-groups/connect-sentinel.ts'
import { until } from '../until.ts'
import { closing, openGroupStage, userOf } from './stage.ts'

export function sentinelOptions(
  group: RedisUnderSentinel,
  { place }: Stage,
  protocol: 2 | 3,
): RedisOptions {
  return {
    sentinels: group.sentinels.map(({ host, port }) => ({ host, port })),
    name: group.name,
    keyPrefix: place.database,
    protocol,
    rotation: { spread: 0 },
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
  }
}

const ways: [string, (group: RedisUnderSentinel, stage: Stage, protocol: 2 | 3) => Redis][] = [
  [
    'Redis',
    (group, stage, protocol) =>
      new Redis({ ...sentinelOptions(group, stage, protocol), credentials: stage.credentials }),
  ],
  [
    "the driver's own with our options",
    (group, stage, protocol) => {
      const options = rotatingRedisOptions(
        stage.credentials,
        sentinelOptions(group, stage, protocol),
      )
      return new DriverRedis(options as object) as Redis
    },
  ],
]

/**
 * Writes, one after the other, until it is told that it is over. It does so without a pause until the primary has changed,
 * so that something is under way at that moment; the sentinels take seconds more until all of them know.
 */
async function keepWriting(
  redis: DriverRedis,
  write: () => Promise<unknown>,
  isOver: () => boolean,
): Promise<void> {
  const { remotePort } = redis.stream
  while (!isOver()) {
    await write()
    await ([undefined, remotePort].includes(redis.stream.remotePort) ? turn() : sleep(10))
  }
}

/** What everybody goes through under Sentinel, whichever the servers are. */
export function testSentinelRotation(protocol: 2 | 3, group: () => RedisUnderSentinel): void {
  describe.each(ways)('%s', (_, make) => {
    test('goes over, also while another server becomes the primary', async () => {
      await using stage = await openGroupStage(group())
      await using redis = closing(make(group(), stage, protocol))
      let number = 0
      let isOver = false
      await redis.ping()
      const count = (): Promise<number> => redis.rpush('list', (number += 1))
      const counting = keepWriting(redis, count, () => isOver)
      // It is awaited at the end; a test that fails before that has its own error.
      counting.catch(() => {})
      await until('some numbers', () => number > 50)
      await stage.rotate()
      await until('it to go over', async () => (await userOf(redis)) === stage.account.user)
      const [before] = await group().primaries()
      const failover = group().failover()
      await stage.rotate()
      const next = await failover
      expect(next).not.toEqual(before)
      await until('the next primary', () => redis.stream.remotePort === next.port)
      await until('it to go over', async () => (await userOf(redis)) === stage.account.user)
      await stage.place.revoke(stage.other)
      await until('nothing of the old account', async () => {
        return (await stage.place.sessions(stage.other.user)).length === 0
      })
      const { length } = await redis.lrange('list', 0, -1)
      await until('more numbers', async () => (await redis.llen('list')) > length + 20)
      isOver = true
      await counting
      expect(await stage.place.refusedLogins()).toEqual([])
    })
  })

  test('goes on where another server becomes the primary in the middle of a rotation', async () => {
    const clock = new VirtualClock()
    await using stage = await openGroupStage(group(), clock)
    const options = rotatingRedisOptions(stage.credentials, {
      ...sentinelOptions(group(), stage, protocol),
      rotation: { spread: 60_000 },
    })
    const clients = Array.from({ length: 4 }, () => closing(new DriverRedis(options as object)))
    let isOver = false
    try {
      const usersOf = (): Promise<string[]> => Promise.all(clients.map(userOf))
      const hasGoneOver = (user: string): boolean => user === stage.account.user
      expect((await usersOf()).every(hasGoneOver)).toBe(true)
      await stage.rotate()
      await until('one to go over', async () => (await usersOf()).some(hasGoneOver))
      const failures: unknown[] = []
      const writing = clients.map((redis) => {
        const count = (): Promise<unknown> =>
          redis.incr('counter').catch((error: unknown) => failures.push(error))
        return keepWriting(redis, count, () => isOver)
      })
      // Time stands still: the rotation stays where it is until the connections are lost.
      expect((await usersOf()).filter(hasGoneOver)).toHaveLength(1)
      const next = await group().failover()
      await until('the next primary', () =>
        clients.every(({ stream }) => stream.remotePort === next.port),
      )
      expect((await usersOf()).every(hasGoneOver)).toBe(true)
      await until('nothing of the old account', async () => {
        return (await stage.place.sessions(stage.other.user)).length === 0
      })
      await stage.place.revoke(stage.other)
      isOver = true
      await Promise.all(writing)
      expect(failures).toEqual([])
      expect(await stage.place.refusedLogins()).toEqual([])
    } finally {
      isOver = true
      for (const client of clients) client.disconnect()
    }
  })
}
