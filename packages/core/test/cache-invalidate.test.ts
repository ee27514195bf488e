import { expect, test } from 'vitest'
import { listen } from './listen.ts'
import { loadedScene, ttl } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

test('a refused login asks the store at once', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  store.publish('v2')
  cache.invalidate('v1')
  await settled()
  expect(cache.current?.version).toBe('v2')
  expect(store.asked).toBe(2)
})

test('a thousand refused logins ask once', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  store.silent = true
  for (let login = 0; login < 1_000; login += 1) cache.invalidate('v1')
  await settled()
  expect(store.asked).toBe(2)
})

test('logins that are refused all the time ask about once a second', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  const before = store.asked
  for (let step = 0; step < 6_000; step += 1) {
    cache.invalidate('v1')
    await clock.advance(10)
  }
  expect(store.asked - before).toBeGreaterThanOrEqual(59)
  expect(store.asked - before).toBeLessThanOrEqual(61)
})

test('a refusal within the pause is not lost: the store is asked when the pause ends', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  cache.invalidate('v1')
  await settled()
  store.publish('v2')
  cache.invalidate('v1')
  await clock.advance(999)
  expect(store.asked).toBe(2)
  await clock.advance(1)
  expect(cache.current?.version).toBe('v2')
})

test('a refusal within the pause asks nobody if a new version has come by then', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  cache.invalidate('v1')
  await settled()
  cache.invalidate('v1')
  store.publish('v2')
  store.push?.()
  await settled()
  expect(store.asked).toBe(3)
  await clock.advance(2_000)
  expect(store.asked).toBe(3)
})

test('a refusal of a version that is no longer current asks nobody', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  await cache.refresh()
  await clock.advance(10_000)
  cache.invalidate('v1')
  cache.invalidate('never seen')
  await clock.advance(10_000)
  expect(store.asked).toBe(2)
})

test('a refusal while a flight is under way asks again after it: that answer may be from before', async () => {
  const { store, clock, cache } = await loadedScene()
  await clock.advance(10_000)
  store.silent = true
  void cache.refresh().catch(() => {})
  await settled()
  cache.invalidate('v1')
  cache.invalidate('v1')
  store.last.answer(store.answer)
  await settled()
  expect(store.asked).toBe(3)
  store.last.answer({ user: 'app', password: 'pw-v2', version: 'v2' })
  await settled()
  expect(cache.current?.version).toBe('v2')
})

test('what the server refused goes on serving until the store has something else', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  await clock.advance(10_000)
  store.failure = new Error('down')
  cache.invalidate('v1')
  await settled()
  expect(cache.current?.version).toBe('v1')
  expect((await cache.get()).version).toBe('v1')
})

test('with a short TTL the store may be asked more often, ten times per TTL', async () => {
  const { store, clock, cache } = await loadedScene({ overlap: 10_000, ttl: 1_000 })
  store.silent = false
  const before = store.asked
  for (let step = 0; step < 100; step += 1) {
    cache.invalidate('v1')
    await clock.advance(10)
  }
  expect(store.asked - before).toBeGreaterThan(5)
  expect(store.asked - before).toBeLessThanOrEqual(11)
})

test('a refresh in time goes on after refusals', async () => {
  const { store, clock, cache } = await loadedScene()
  cache.invalidate('v1')
  await clock.advance(1_000)
  expect(store.asked).toBe(2)
  await clock.advance(ttl)
  expect(store.asked).toBe(3)
})
