import { randomBytes } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { Redis, rotatingRedisOptions, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { makeCertificates } from '../servers/certificates.ts'
import { connectAdmins, disconnect } from '../servers/redis-groups/admins.ts'
import {
  connectRedisUnderSentinel,
  type RedisUnderSentinel,
} from '../servers/redis-groups/connect-sentinel.ts'
import type { NodeAddress, RunningServer } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import { closing, expectToHearThrough, openGroupStage, protocols, userOf } from './stage.ts'
import { tlsFront, type Address } from './tls-front.ts'

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

/** An account of the sentinels' own, which is gone with its block. */
async function watcherAt(sentinels: readonly NodeAddress[]) {
  const account = { user: 'watcher', password: randomBytes(12).toString('hex') }
  const admins = connectAdmins(sentinels, '')
  for (const { redis } of admins) {
    await redis.acl('SETUSER', account.user, 'on', `>${account.password}`, '+@all', 'allchannels')
  }
  return {
    ...account,
    /** How many there are, by the sentinels' own word. */
    async sessions(): Promise<number> {
      const lists = await Promise.all(admins.map(({ redis }) => redis.client('LIST')))
      return lists.join('').split(` user=${account.user} `).length - 1
    },
    async [Symbol.asyncDispose]() {
      for (const { redis } of admins) await redis.acl('DELUSER', account.user)
      disconnect(admins)
    },
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
      // It is awaited at the end; a test that fails before that has its own error.
      counting.catch(() => {})
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

  test('a subscriber on one of the replicas stays there, and hears everything once', async () => {
    await using stage = await openGroupStage(group)
    const { credentials } = stage
    const options = { ...optionsFor(stage, protocol), keyPrefix: '', role: 'slave' as const }
    await using redis = closing(new Redis({ ...options, credentials }))
    const channel = `${stage.place.database}news`
    const heard: string[] = []
    redis.on('message', (_, text) => heard.push(text))
    await redis.subscribe(channel)
    const { remotePort } = redis.stream
    const [primary] = await group.primaries()
    const { user: username, password } = server
    await using publisher = closing(new DriverRedis({ ...primary!, username, password }))
    let sent = 0
    for (let rotation = 0; rotation < 8; rotation += 1) {
      const { user } = stage.account
      const rotated = stage.rotate().then(() => redis.drained())
      for (let number = 0; number < 50; number += 1) {
        await publisher.publish(channel, String((sent += 1)))
      }
      await rotated
      expect(redis.stream.remotePort).toBe(remotePort)
      expect(await stage.place.sessions(user)).toEqual([])
    }
    await until('the last one', () => heard.length >= sent)
    expect(heard).toEqual(Array.from({ length: sent }, (_, number) => String(number + 1)))
  })

  test('goes over under TLS, behind addresses that are not its own, and logs in at the sentinels as ever', async () => {
    await using stage = await openGroupStage(group)
    const certificates = await makeCertificates()
    const tls = { ca: certificates.ca }
    const front = (node: NodeAddress): Promise<Address> => tlsFront(node, certificates)
    const [fronts, sentinels] = await Promise.all(
      [group.nodes, group.sentinels].map((nodes) => Promise.all(nodes.map(front))),
    )
    const natMap = Object.fromEntries(
      group.nodes.map(({ host, port }, index) => [`${host}:${port}`, fronts![index]!]),
    )
    await using watcher = await watcherAt(group.sentinels)
    const options: RedisOptions = {
      ...optionsFor(stage, protocol),
      ...{ keyPrefix: '', tls, enableTLSForSentinelMode: true, natMap },
      ...{
        sentinels: sentinels!,
        sentinelTLS: tls,
        updateSentinels: false,
        failoverDetector: true,
      },
      ...{ sentinelUsername: watcher.user, sentinelPassword: watcher.password },
      ...{ credentials: stage.credentials },
    }
    await using redis = closing(new Redis(options))
    await using other = closing(new Redis(options))
    await expectToHearThrough(stage, redis, other)
    expect(redis.stream).toBeInstanceOf(TLSSocket)
    expect(fronts!.map(({ port }) => port)).toContain(redis.stream.remotePort)
    await until('the sentinels to know whom', async () => (await watcher.sessions()) === 6)
  })
})
