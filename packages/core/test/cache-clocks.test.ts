import { expect, test } from 'vitest'
import { loadedScene, scene, ttl } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

const hour = 3_600_000

test('the monotonic clock ends freshness', async () => {
  const { store, clock, cache } = await loadedScene()
  store.silent = true
  await clock.advance(ttl - 1)
  expect(cache.fresh()?.version).toBe('v1')
  await clock.advance(1)
  expect(cache.fresh()).toBeUndefined()
})

test('a machine that slept does not trust what it had: the monotonic clock stood still, the wall clock did not', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  clock.setWall(clock.wall() + 8 * hour)
  expect(cache.fresh()).toBeUndefined()
  expect(cache.current?.version).toBe('v1')
  expect((await cache.get()).version).toBe('v2')
  expect(store.asked).toBe(2)
})

test('everybody who asks after a sleep waits for the answer, not only the first', async () => {
  const { store, clock, cache } = await loadedScene()
  store.silent = true
  clock.setWall(clock.wall() + 8 * hour)
  const versions: string[] = []
  const callers = [1, 2, 3].map(() => cache.get().then(({ version }) => versions.push(version)))
  await settled()
  expect(versions).toEqual([])
  store.last.answer({ user: 'app', password: 'pw-2', version: 'v2' })
  await Promise.all(callers)
  expect(versions).toEqual(['v2', 'v2', 'v2'])
})

test('after a sleep the store is asked within a minute even if nobody comes', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  await clock.advance(1_000)
  clock.setWall(clock.wall() + 8 * hour)
  await clock.advance(60_000)
  expect(store.asked).toBe(2)
  expect(cache.current?.version).toBe('v2')
})

test('a wall clock that is set back an hour extends nothing', async () => {
  const { store, clock, cache } = await loadedScene()
  clock.setWall(clock.wall() - hour)
  await clock.advance(ttl - 1)
  expect(cache.fresh()?.version).toBe('v1')
  expect(store.asked).toBe(1)
  await clock.advance(1)
  expect(store.asked).toBe(2)
})

test('a wall clock that is set back an hour does not start a storm', async () => {
  const { store, clock, cache } = await loadedScene()
  clock.setWall(clock.wall() - hour)
  for (let second = 0; second < 3_600; second += 1) {
    await cache.get()
    await clock.advance(1_000)
  }
  expect(store.asked).toBe(1 + hour / ttl)
})

test('a wall clock that jumps ahead for good costs one early refresh', async () => {
  const { store, clock, cache } = await loadedScene()
  clock.setWall(clock.wall() + hour)
  for (let second = 0; second < ttl / 1_000; second += 1) {
    await cache.get()
    await clock.advance(1_000)
  }
  expect(store.asked).toBeLessThanOrEqual(3)
})

test('a clock ahead of the store sees only expired credentials, and still does not storm', async () => {
  const { store, clock, cache } = scene()
  store.publish('v1', { expiresAt: clock.wall() - hour })
  let asked = 0
  for (let second = 0; second < 60; second += 1) {
    for (let caller = 0; caller < 100; caller += 1) await cache.get()
    await clock.advance(1_000)
    asked = store.asked
  }
  expect(asked).toBeLessThanOrEqual(62)
})

test('a wall clock set back an hour does not postpone what expires', async () => {
  const { store, clock, cache } = scene()
  store.publish('v1', { expiresAt: clock.wall() + 2 * 60_000 })
  await cache.get()
  clock.setWall(clock.wall() - hour)
  await clock.advance(90_000)
  expect(store.asked).toBe(2)
})
