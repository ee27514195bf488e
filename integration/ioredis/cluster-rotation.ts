import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, type ClusterOptions } from '@rekey/ioredis'
import type { Cluster as DriverCluster } from 'ioredis'
import { expect, test } from 'vitest'
import { VirtualClock } from '../../packages/core/test/virtual-clock.ts'
import type { Stage } from '../contract/stage.ts'
import type { RedisCluster } from '../servers/redis-groups/connect-cluster.ts'
import { until } from '../until.ts'
import { closing, openGroupStage } from './stage.ts'

export function nodesOf({ nodes }: RedisCluster): { host: string; port: number }[] {
  return nodes.map(({ host, port }) => ({ host, port }))
}

export function connectCluster(
  group: RedisCluster,
  { credentials, place }: Stage,
  protocol: 2 | 3,
  options: ClusterOptions = {},
): Cluster & AsyncDisposable {
  return closing(
    new Cluster(nodesOf(group), {
      credentials,
      rotation: { spread: 0 },
      keyPrefix: place.database,
      slotsRefreshTimeout: 3_000,
      ...options,
      redisOptions: { protocol, ...options.redisOptions },
    }),
  )
}

/** Counts in all slots, one after the other, until it is told to stop. */
export class Counting {
  counted = 0
  readonly failures: unknown[] = []
  #going = true
  readonly #done: Promise<unknown>

  constructor(cluster: DriverCluster, counters: number) {
    const count = async (name: string): Promise<void> => {
      while (this.#going) {
        await cluster.incr(name).then(
          () => (this.counted += 1),
          (error: unknown) => this.failures.push(error),
        )
        await sleep(1)
      }
    }
    this.#done = Promise.all(
      Array.from({ length: counters }, (_, number) => count(`counter-${number}`)),
    )
  }

  async stop(): Promise<void> {
    this.#going = false
    await this.#done
  }
}

export async function sumOf(cluster: DriverCluster, counters: number): Promise<number> {
  let sum = 0
  for (let number = 0; number < counters; number += 1) {
    sum += Number(await cluster.get(`counter-${number}`))
  }
  return sum
}

/** Nothing is left of the account that was published before. */
export async function expectGoneOver(stage: Stage): Promise<void> {
  await stage.place.revoke(stage.other)
  expect(await stage.place.sessions(stage.other.user)).toEqual([])
  expect(await stage.place.sessions(stage.account.user)).not.toEqual([])
}

/** Nothing is under way that would be given up if time leapt: nobody dials, logs in again or closes. */
function isAtRest({ generations }: Cluster): boolean {
  return generations.every((one) => one.connecting + one.lent + one.closing === 0)
}

/** What every cluster goes through, whichever servers it is of. */
export function testClusterRotation(protocol: 2 | 3, group: () => RedisCluster): void {
  test('goes over with all its nodes, and is exact', async () => {
    await using stage = await openGroupStage(group())
    await using cluster = connectCluster(group(), stage, protocol)
    const counting = new Counting(cluster, 12)
    await until('all nodes to be used', async () => (await stage.place.sessions()).length >= 3)
    for (let rotation = 0; rotation < 10; rotation += 1) {
      await stage.rotate()
      await cluster.drained()
      await expectGoneOver(stage)
    }
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
    expect(cluster.generations).toMatchObject([{ version: '11', lent: 0, connecting: 0 }])
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('goes over while a slot moves and while a replica becomes a primary', async () => {
    await using stage = await openGroupStage(group())
    await using cluster = connectCluster(group(), stage, protocol)
    const counting = new Counting(cluster, 12)
    const slot = await group().slotOf(`${stage.place.database}counter-1`)
    await until('all nodes to be used', async () => (await stage.place.sessions()).length >= 3)
    const owner = await group().ownerOf(slot)
    const to = (await group().primaries()).find(({ port }) => port !== owner.port)!
    await group().moveSlot(slot, to, async () => void (await stage.rotate()))
    await cluster.drained()
    await expectGoneOver(stage)
    const rotation = stage.rotate()
    await group().failover()
    await rotation
    await cluster.drained()
    await expectGoneOver(stage)
    const { counted } = counting
    await until('more to be counted', () => counting.counted > counted + 50)
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
  })

  test('goes on where a slot moves and a replica becomes a primary in the middle of a rotation', async () => {
    const clock = new VirtualClock()
    await using stage = await openGroupStage(group(), clock)
    await using cluster = connectCluster(group(), stage, protocol, { rotation: { spread: 60_000 } })
    const counting = new Counting(cluster, 12)
    const left = async (): Promise<number> => (await stage.place.sessions(stage.other.user)).length
    const goneOver = async (): Promise<number> =>
      (await stage.place.sessions(stage.account.user)).length
    await until('all nodes to be used', async () => (await goneOver()) >= 3)
    await stage.rotate()
    await until('the first one to go over', async () => (await goneOver()) > 0)
    // Time stands still: here the rotation stays.
    expect(await left()).toBeGreaterThan(1)
    const slot = await group().slotOf(`${stage.place.database}counter-1`)
    const owner = await group().ownerOf(slot)
    const to = (await group().primaries()).find(({ port }) => port !== owner.port)!
    await group().moveSlot(slot, to)
    await group().failover()
    const { counted } = counting
    await until('more to be counted', () => counting.counted > counted + 50)
    expect(await left()).toBeGreaterThan(0)
    await until('the others to go over', async () => {
      if (isAtRest(cluster)) await clock.advance(1_000)
      return (await left()) === 0
    })
    await cluster.drained()
    await expectGoneOver(stage)
    await counting.stop()
    expect(counting.failures).toEqual([])
    expect(await sumOf(cluster, 12)).toBe(counting.counted)
    expect(await stage.place.refusedLogins()).toEqual([])
  })
}
