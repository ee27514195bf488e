import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../until.ts'
import type { Account, Place, RunningServer } from '../server.ts'
import { startServer } from '../start.ts'
import { expectOneAccount } from './accounts.ts'
import { connectRedisCluster, type RedisCluster } from './connect-cluster.ts'

describe('a Redis Cluster', () => {
  let server: RunningServer
  let group: RedisCluster

  beforeAll(async () => {
    server = await startServer('redis-cluster')
    group = connectRedisCluster(server)
    // Seven containers at once take their time.
  }, 180_000)

  afterAll(async () => {
    await group?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  function connect({ user: username, password }: Account, tls = false): Cluster & Disposable {
    const nodes = group.nodes.map(({ host, port, tlsPort }) => ({
      host,
      port: tls ? tlsPort : port,
    }))
    const cluster = new Cluster(nodes, {
      redisOptions: { username, password, ...(tls && { tls: { ca: server.ca } }) },
      slotsRefreshTimeout: 3_000,
    })
    cluster.on('error', () => {})
    return Object.assign(cluster, { [Symbol.dispose]: () => cluster.disconnect() })
  }

  test.each([false, true])('serves every slot from three primaries, with TLS: %s', async (tls) => {
    await using place = group.createPlace()
    using cluster = connect(await place.createAccount(), tls)
    await useEverySlot(cluster, place)
    expect(cluster.nodes('master')).toHaveLength(3)
    expect(cluster.nodes('slave')).toHaveLength(3)
    const tlsPorts = group.nodes.map(({ tlsPort }) => tlsPort)
    const reached = cluster.nodes('all').map(({ options }) => options.port)
    expect(reached.every((port) => tlsPorts.includes(port!))).toBe(tls)
  })

  test('has an account on every node, also on one that was paused meanwhile', async () => {
    await using place = group.createPlace()
    await expectOneAccount(place, group.nodes, () => group.pause(group.nodes[3]!))
  })

  test('knows whose sessions are where, and ends one', async () => {
    await using place = group.createPlace()
    const account = await place.createAccount()
    using cluster = connect(account)
    await useEverySlot(cluster, place)
    const [first] = await place.sessions(account.user)
    expect(group.nodes.map(({ port }) => port)).toContain(first!.port)
    await place.kill(first!)
    await until('the session to end', async () => {
      const sessions = await place.sessions(account.user)
      return !sessions.some(({ id, port }) => id === first!.id && port === first!.port)
    })
  })

  test('moves a slot with its keys, under a client that uses it', async () => {
    await using place = group.createPlace()
    using cluster = connect(await place.createAccount())
    const key = `${place.database}moves`
    await cluster.set(key, 0)
    const slot = await group.slotOf(key)
    const owner = await group.ownerOf(slot)
    const others = (await group.primaries()).filter(({ port }) => port !== owner.port)
    for (const to of [...others, owner]) {
      const before = Number(await cluster.get(key))
      let asked = false
      await group.moveSlot(slot, to, async () => {
        asked = true
        expect(await cluster.incr(key)).toBe(before + 1)
      })
      expect(asked).toBe(true)
      expect(await cluster.incr(key)).toBe(before + 2)
      expect(await group.ownerOf(slot)).toEqual(to)
    }
  })

  test('makes a replica the primary when it is told to, as often as it is, and nothing is lost', async () => {
    await using place = group.createPlace()
    using cluster = connect(await place.createAccount())
    for (let failover = 0; failover < 4; failover += 1) {
      await useEverySlot(cluster, place)
      const before = await group.primaries()
      const next = await group.failover()
      expect(before).not.toContain(next)
      expect(await group.primaries()).toContain(next)
    }
    await useEverySlot(cluster, place)
  })

  test('goes on without a primary that is killed', async () => {
    await using place = group.createPlace()
    using cluster = connect(await place.createAccount())
    await useEverySlot(cluster, place)
    const [killed] = await group.primaries()
    await group.kill(killed!)
    await until('another primary', async () => (await group.primaries()).length === 3, 30_000)
    expect(await group.primaries()).not.toContain(killed)
    await until(
      'the cluster to serve every slot',
      () =>
        useEverySlot(cluster, place).then(
          () => true,
          () => false,
        ),
      30_000,
    )
  })
})

async function useEverySlot(cluster: Cluster, { database: prefix }: Place): Promise<void> {
  const keys = Array.from({ length: 50 }, (_, index) => `${prefix}${index}`)
  for (const key of keys) await cluster.set(key, key)
  for (const key of keys) expect(await cluster.get(key)).toBe(key)
}
