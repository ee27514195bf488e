import { Redis, rotatingRedisOptions, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import {
  connectRedisUnderSentinel,
  type RedisUnderSentinel,
} from '../servers/redis-groups/connect-sentinel.ts'
import type { RunningServer } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import { closing, openGroupStage, protocols, userOf } from './stage.ts'

let server: RunningServer
let group: RedisUnderSentinel

beforeAll(async () => {
  server = await startServer('redis-sentinel', { tls: false })
  group = connectRedisUnderSentinel(server)
})

afterAll(async () => {
  await group?.[Symbol.asyncDispose]()
  await server?.stop()
})

function optionsFor({ place }: Stage, protocol: 2 | 3): RedisOptions {
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

const ways: [string, (stage: Stage, protocol: 2 | 3) => Redis][] = [
  [
    'Redis',
    (stage, protocol) =>
      new Redis({ ...optionsFor(stage, protocol), credentials: stage.credentials }),
  ],
  [
    "the driver's own with our options",
    (stage, protocol) => {
      const options = rotatingRedisOptions(stage.credentials, optionsFor(stage, protocol))
      return new DriverRedis(options as object) as Redis
    },
  ],
]

describe.each(protocols)('under Sentinel, RESP%i', (protocol) => {
  describe.each(ways)('%s', (_, make) => {
    test('goes over, also while another server becomes the primary', async () => {
      await using stage = await openGroupStage(group)
      await using redis = closing(make(stage, protocol))
      let number = 0
      let isOver = false
      const counting = (async () => {
        while (!isOver) {
          await redis.rpush('list', (number += 1))
          await new Promise(setImmediate)
        }
      })()
      await until('some numbers', () => number > 50)
      await stage.rotate()
      await until('it to go over', async () => (await userOf(redis)) === stage.account.user)
      const [before] = await group.primaries()
      const failover = group.failover()
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
})
