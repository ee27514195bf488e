import { Cluster, Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { sentinelGroup } from '../servers/containers/redis-sentinel.ts'
import { pauseNode } from '../servers/pause.ts'
import { startServer } from '../servers/start.ts'

test('a Redis Cluster in containers serves every slot from three primaries', async () => {
  const { stop, others, host, port, password } = await startServer('redis-cluster', { tls: false })
  const nodes = [{ host, port }, ...others].map((node) => ({ host: node.host, port: node.port }))
  const cluster = new Cluster(nodes, { redisOptions: { password } })
  try {
    for (let key = 0; key < 50; key += 1) await cluster.set(`key ${key}`, key)
    for (let key = 0; key < 50; key += 1) expect(await cluster.get(`key ${key}`)).toBe(String(key))
    expect(cluster.nodes('master')).toHaveLength(3)
    expect(cluster.nodes('slave')).toHaveLength(3)
  } finally {
    cluster.disconnect()
    await stop()
  }
})

test('sentinels in containers lead to the primary, and to the next one when it is frozen', async () => {
  const { stop, others, password, ...primary } = await startServer('redis-sentinel', { tls: false })
  const sentinels = others.slice(2).map(({ host, port }) => ({ host, port }))
  const redis = new Redis({
    sentinels,
    name: sentinelGroup,
    password,
    // A frozen server does not close: only the missing answer shows that it is gone.
    socketTimeout: 3_000,
    connectTimeout: 1_000,
    maxRetriesPerRequest: null,
  })
  redis.on('error', () => {})
  try {
    await redis.set('key', 'value')
    expect(await redis.wait(2, 5_000)).toBe(2)
    expect(redis.stream.remotePort).toBe(primary.port)
    await using _pause = await pauseNode(primary)
    expect(await redis.get('key')).toBe('value')
    const replicas = others.slice(0, 2).map(({ port }) => port)
    expect(replicas).toContain(redis.stream.remotePort)
  } finally {
    redis.disconnect()
    await stop()
  }
})
