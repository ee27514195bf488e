import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectRedisCluster, type RedisCluster } from '../servers/redis-groups/connect-cluster.ts'
import {
  connectRedisUnderSentinel,
  type RedisUnderSentinel,
} from '../servers/redis-groups/connect-sentinel.ts'
import type { RunningServer, ServerAddress } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { testClusterRotation } from './cluster-rotation.ts'
import { testSentinelRotation } from './sentinel-rotation.ts'
import { closing, protocols } from './stage.ts'

const protocol = protocols.at(-1)!

async function expectValkey({ host, port, user: username, password }: ServerAddress) {
  await using redis = closing(new Redis({ host, port, username, password }))
  expect(await redis.info('server')).toContain('server_name:valkey')
}

describe('a cluster of Valkey', () => {
  let server: RunningServer
  let group: RedisCluster

  beforeAll(async () => {
    server = await startServer('valkey-cluster', { tls: false })
    group = connectRedisCluster(server)
  })

  afterAll(async () => {
    await group?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  test('is one', () => expectValkey(server))
  testClusterRotation(protocol, () => group)
})

describe('Valkey under Sentinel', () => {
  let server: RunningServer
  let group: RedisUnderSentinel

  beforeAll(async () => {
    server = await startServer('valkey-sentinel')
    group = connectRedisUnderSentinel(server)
  })

  afterAll(async () => {
    await group?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  test('is that', () => expectValkey(server))
  testSentinelRotation(protocol, () => group)
})
