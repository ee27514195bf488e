import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Cluster, Redis, rotatingRedisOptions, type ClusterOptions } from '@rekey/ioredis'
import { Cluster as DriverCluster, Redis as DriverRedis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { startProxy, type Proxy } from '../servers/proxy.ts'
import { connectRedisCluster, type RedisCluster } from '../servers/redis-groups/connect-cluster.ts'
import type { NodeAddress, RunningServer } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { inTime, until } from '../until.ts'
import {
  connectCluster,
  Counting,
  expectGoneOver,
  nodesOf,
  sumOf,
  testClusterRotation,
} from './cluster-rotation.ts'
import { closing, openGroupStage, protocols } from './stage.ts'

let server: RunningServer
let group: RedisCluster

beforeAll(async () => {
  server = await startServer('redis-cluster')
  group = connectRedisCluster(server)
})

afterAll(async () => {
  await group?.[Symbol.asyncDispose]()
  await server?.stop()
})

/** A proxy that is gone when the test is. */
async function proxyBefore(node: NodeAddress): Promise<Proxy> {
  const proxy = await startProxy({ host: node.host, port: node.port })
  onTestFinished(() => proxy[Symbol.asyncDispose]())
  return proxy
}

/** How often somebody has read a key at a primary, by their own word. */
async function readsAtPrimaries(): Promise<number> {
  let reads = 0
  for (const { host, port } of await group.primaries()) {
    const { user: username, password } = server
    await using admin = closing(new DriverRedis({ host, port, username, password }))
    const [, calls = 0] = /cmdstat_get:calls=(\d+)/.exec(await admin.info('commandstats')) ?? []
    reads += Number(calls)
  }
  return reads
}

/** A pair that the server refuses, and its word for it. */
async function publishWrong(stage: Stage): Promise<void> {
  using messages = recordMessages()
  stage.store.publish({ ...(await stage.renew()), password: 'wrong' })
  await stage.credentials.refresh()
  await until('a refusal', () => messages.of('rekey:candidate-refused').length > 0)
}

function loseAll(cluster: Cluster): void {
  // Some have not connected yet.
  for (const { stream } of cluster.nodes()) (stream as Socket | undefined)?.destroy()
}

/** The driver gives a command up that has met lost connections too often. */
function valueOf(cluster: Cluster, key: string): Promise<string | null> {
  const look = (): Promise<string | null | false> => cluster.get(key).catch(() => false as const)
  return inTime('an answer', until<string | null>('an answer', look))
}

describe.each(protocols)('a cluster, RESP%i', (protocol) => {
  testClusterRotation(protocol, () => group)

  test('subscribes on, and hears everything once', async () => {
    await using stage = await openGroupStage(group)
    await using cluster = connectCluster(group, stage, protocol)
    await using publisher = closing(
      new Redis({ ...nodesOf(group)[0]!, username: server.user, password: server.password }),
    )
    const channel = `${stage.place.database}news`
    const heard: string[] = []
    cluster.on('message', (_, text) => heard.push(text))
    await cluster.subscribe(channel)
    let sent = 0
    for (let rotation = 0; rotation < 5; rotation += 1) {
      const rotated = stage.rotate().then(() => cluster.drained())
      for (let number = 0; number < 100; number += 1) {
        await publisher.publish(channel, String((sent += 1)))
      }
      await rotated
      await expectGoneOver(stage)
    }
    await until('the last one', () => heard.length === sent)
    expect(heard).toEqual(Array.from({ length: sent }, (_, number) => String(number + 1)))
  })

  // The floor subscribes to sharded channels on one node only.
  if (inject('driverVersion').startsWith('6.')) {
    test('subscribes on to sharded channels, and hears everything once, in the order of its channel', async () => {
      await using stage = await openGroupStage(group)
      await using cluster = connectCluster(group, stage, protocol, {
        shardedSubscribers: true,
        keyPrefix: '',
      })
      const channels = ['a', 'b', 'c', 'd'].map((name) => `${stage.place.database}{${name}}`)
      const heard = new Map(channels.map((channel) => [channel, [] as string[]]))
      cluster.on('smessage', (channel: string, text: string) => heard.get(channel)?.push(text))
      await using publisher = closing(
        new Cluster(nodesOf(group), {
          redisOptions: { username: server.user, password: server.password },
        }),
      )
      await until('it to be ready', () => cluster.status === 'ready')
      for (const channel of channels) await cluster.ssubscribe(channel)
      let sent = 0
      for (let rotation = 0; rotation < 5; rotation += 1) {
        const rotated = stage.rotate().then(() => cluster.drained())
        for (let round = 0; round < 25; round += 1) {
          sent += 1
          for (const channel of channels) await publisher.spublish(channel, String(sent))
        }
        await rotated
        await expectGoneOver(stage)
      }
      await until('the last ones', () => [...heard.values()].every(({ length }) => length >= sent))
      const numbers = Array.from({ length: sent }, (_, number) => String(number + 1))
      for (const channel of channels) expect(heard.get(channel)).toEqual(numbers)
    })
  }

  test('gives its duplicates a rotation of their own', async () => {
    await using stage = await openGroupStage(group)
    await using cluster = connectCluster(group, stage, protocol)
    await using other = closing(cluster.duplicate() as Cluster)
    expect(other).toBeInstanceOf(Cluster)
    await cluster.set('key', 'value')
    expect(await other.get('key')).toBe('value')
    await stage.rotate()
    await Promise.all([cluster.drained(), other.drained()])
    await expectGoneOver(stage)
    cluster.disconnect()
    await stage.rotate()
    await other.drained()
    expect(await other.get('key')).toBe('value')
  })

  test("goes over also where it is the driver's own, with our options for its nodes", async () => {
    await using stage = await openGroupStage(group)
    const rotation = { spread: 0 }
    await using cluster = closing(
      new DriverCluster(nodesOf(group), {
        redisOptions: rotatingRedisOptions(stage.credentials, { protocol, rotation }) as object,
        keyPrefix: stage.place.database,
        slotsRefreshTimeout: 3_000,
      }) as Cluster,
    )
    const counting = new Counting(cluster, 12)
    await until('all nodes to be used', async () => (await stage.place.sessions()).length >= 3)
    await stage.rotate()
    await until('all to have gone over', async () => {
      return (await stage.place.sessions(stage.other.user)).length === 0
    })
    await expectGoneOver(stage)
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
  })

  test('comes back with what has worked, and is not drained, where all connections are lost before a new pair works', async () => {
    await using stage = await openGroupStage(group)
    await using cluster = connectCluster(group, stage, protocol)
    await cluster.set('key', 'value')
    await publishWrong(stage)
    let isDrained = false
    void cluster.drained().then(() => (isDrained = true))
    loseAll(cluster)
    expect(await valueOf(cluster, 'key')).toBe('value')
    expect(isDrained).toBe(false)
    stage.store.publish(stage.account)
    await stage.credentials.refresh()
    await cluster.drained()
    await expectGoneOver(stage)
    expect(await cluster.get('key')).toBe('value')
  })

  test("so does the driver's own, with our options for its nodes", async () => {
    await using stage = await openGroupStage(group)
    const redisOptions = rotatingRedisOptions(stage.credentials, { protocol }) as object
    await using cluster = closing(
      new DriverCluster(nodesOf(group), {
        ...{ redisOptions, keyPrefix: stage.place.database, slotsRefreshTimeout: 3_000 },
      }) as Cluster,
    )
    await cluster.set('key', 'value')
    await publishWrong(stage)
    loseAll(cluster)
    expect(await valueOf(cluster, 'key')).toBe('value')
  })

  test('goes over behind addresses that are not its own: natMap', async () => {
    await using stage = await openGroupStage(group)
    const reached = await Promise.all(group.nodes.map(proxyBefore))
    const natMap = Object.fromEntries(
      group.nodes.map(({ host, port }, index) => [
        `${host}:${port}`,
        { host: reached[index]!.host, port: reached[index]!.port },
      ]),
    )
    await using cluster = connectCluster(group, stage, protocol, { natMap })
    const channel = `${stage.place.database}news`
    const heard: string[] = []
    cluster.on('message', (_, text) => heard.push(text))
    await cluster.subscribe(channel)
    const counting = new Counting(cluster, 12)
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await until('all primaries to be used', () => reached.filter(({ open }) => open).length >= 3)
      await stage.rotate()
      await cluster.drained()
      await expectGoneOver(stage)
    }
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
    const ports = cluster.nodes().map(({ options }) => options.port)
    expect(reached.map(({ port }) => port)).toEqual(expect.arrayContaining(ports))
    await cluster.publish(channel, 'word')
    await until('the message', () => heard.length > 0)
    expect(heard).toEqual(['word'])
  })

  test('goes on reading from its replicas: scaleReads', async () => {
    await using stage = await openGroupStage(group)
    await using cluster = connectCluster(group, stage, protocol, { scaleReads: 'slave' })
    const keys = Array.from({ length: 12 }, (_, number) => `key-${number}`)
    for (const key of keys) await cluster.set(key, 'value')
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await until('the replicas to have it', async () => {
        return (await Promise.all(keys.map((key) => cluster.get(key)))).every(Boolean)
      })
      const before = await readsAtPrimaries()
      for (const key of keys) expect(await cluster.get(key)).toBe('value')
      expect(await readsAtPrimaries()).toBe(before)
      await stage.rotate()
      await cluster.drained()
      await expectGoneOver(stage)
    }
  })

  test('goes over under TLS', async () => {
    await using stage = await openGroupStage(group)
    const redisOptions: ClusterOptions['redisOptions'] = { protocol, tls: { ca: server.ca } }
    await using cluster = closing(
      new Cluster(
        group.nodes.map(({ host, tlsPort }) => ({ host, port: tlsPort })),
        {
          ...{ credentials: stage.credentials, rotation: { spread: 0 }, redisOptions },
          ...{ keyPrefix: stage.place.database, slotsRefreshTimeout: 3_000 },
        },
      ),
    )
    const channel = `${stage.place.database}news`
    const heard: string[] = []
    cluster.on('message', (_, text) => heard.push(text))
    await cluster.subscribe(channel)
    const counting = new Counting(cluster, 12)
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await until('more to be counted', () => counting.counted > 50 * (rotation + 1))
      await stage.rotate()
      await cluster.drained()
      await expectGoneOver(stage)
    }
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
    for (const { stream } of cluster.nodes()) expect(stream).toBeInstanceOf(TLSSocket)
    await cluster.publish(channel, 'word')
    await until('the message', () => heard.length > 0)
    expect(heard).toEqual(['word'])
  })
})
