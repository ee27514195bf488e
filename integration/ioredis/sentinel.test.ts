import { randomBytes } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { Redis, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectAdmins, disconnect } from '../../packages/drill/src/servers/redis-group/admins.ts'
import { makeCertificates } from '../servers/certificates.ts'
import {
  connectRedisUnderSentinel,
  type RedisUnderSentinel,
} from '../servers/redis-groups/connect-sentinel.ts'
import type { NodeAddress, RunningServer } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import { sentinelOptions, testSentinelRotation } from './sentinel-rotation.ts'
import { closing, expectToHearThrough, openGroupStage, protocols } from './stage.ts'
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

describe.each(protocols)('under Sentinel, RESP%i', (protocol) => {
  testSentinelRotation(protocol, () => group)

  test('a subscriber on one of the replicas stays there, and hears everything once', async () => {
    await using stage = await openGroupStage(group)
    const { credentials } = stage
    const options = {
      ...sentinelOptions(group, stage, protocol),
      keyPrefix: '',
      role: 'slave' as const,
    }
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
      ...sentinelOptions(group, stage, protocol),
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
