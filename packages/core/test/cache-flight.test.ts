import { expect, test, vi } from 'vitest'
import { createCredentials } from '../src/index.ts'
import { rejection } from './listen.ts'
import { loadedScene, overlap, scene, ScriptedStore, ttl } from './scripted-store.ts'
import { settled, VirtualClock } from './virtual-clock.ts'

test('a thousand callers of the first load cost one question and get one snapshot', async () => {
  const { store, cache } = scene()
  store.silent = true
  const callers = Array.from({ length: 1_000 }, () => cache.get())
  await settled()
  expect(store.asked).toBe(1)
  store.last.answer(store.answer)
  const answers = new Set(await Promise.all(callers))
  expect(answers).toEqual(new Set([cache.current]))
  expect(store.asked).toBe(1)
})

test('a thousand callers after the expiry cost one question', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  clock.setWall(clock.wall() + 2 * ttl)
  const callers = Array.from({ length: 1_000 }, () => cache.get())
  const answers = new Set(await Promise.all(callers))
  expect([...answers].map(({ version }) => version)).toEqual(['v2'])
  expect(store.asked).toBe(2)
})

test('a thousand callers of a flight that fails all learn of it, and the next caller starts another', async () => {
  const { store, clock, cache } = scene()
  store.failure = new Error('down')
  const errors = await Promise.all(Array.from({ length: 1_000 }, () => rejection(cache.get())))
  expect(new Set(errors).size).toBe(1)
  expect(errors[0]).toMatchObject({ code: 'ERR_REKEY_LOAD', cause: store.failure })
  expect(store.asked).toBe(1)
  store.failure = undefined
  const next = cache.get()
  await clock.advance(1_000)
  expect(await next).toBe(cache.current)
  expect(store.asked).toBe(2)
})

test('callers that come while a failing store has a pause share the next flight too', async () => {
  const { store, clock, cache } = scene()
  store.failure = new Error('down')
  await rejection(cache.get())
  const callers = Array.from({ length: 1_000 }, () => rejection(cache.get()))
  await settled()
  expect([store.asked, clock.pending]).toEqual([1, 1_000 + 1])
  await clock.advance(1_000)
  await Promise.all(callers)
  expect(store.asked).toBe(2)
})

test('a thousand forced refreshes during a flight cost one more flight, which starts after them', async () => {
  const { store, cache } = await loadedScene()
  store.silent = true
  const first = cache.refresh()
  const more = Array.from({ length: 1_000 }, () => cache.refresh())
  await settled()
  expect(store.asked).toBe(2)
  store.last.answer(store.answer)
  await first
  await settled()
  expect(store.asked).toBe(3)
  store.last.answer({ user: 'app', password: 'pw-2', version: 'v2' })
  const answers = await Promise.all(more)
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(['v2']))
  expect(store.asked).toBe(3)
})

test('a source that pushes as soon as it is watched still has one flight at a time', async () => {
  const store = new ScriptedStore()
  let flying = 0
  let most = 0
  const cache = createCredentials(
    {
      name: 'eager',
      async load({ signal }) {
        flying += 1
        most = Math.max(most, flying)
        await settled()
        flying -= 1
        return store.source.load({ signal })
      },
      watch: (onChange) => onChange(),
    },
    { overlap, clock: new VirtualClock() },
  )
  await cache.get()
  await settled()
  expect(most).toBe(1)
  await cache.close()
})

test('nothing is loaded before somebody asks', async () => {
  const { store, clock, cache } = scene()
  await clock.advance(10 * ttl)
  expect([store.asked, cache.current, cache.fresh(), clock.pending]).toEqual([
    0,
    undefined,
    undefined,
    0,
  ])
})

test('current and fresh are synchronous and give the same frozen object each time', async () => {
  const { cache } = await loadedScene()
  const { current } = cache
  expect(current).toMatchObject({ user: 'app', version: 'v1', versionDerived: false })
  expect(cache.current).toBe(current)
  expect(cache.fresh()).toBe(current)
  expect(Object.isFrozen(current)).toBe(true)
  expect(await cache.get()).toBe(current)
})

test('a refresh that brings the same pair keeps the same object', async () => {
  const { store, cache } = await loadedScene()
  const { current } = cache
  expect(await cache.refresh()).toBe(current)
  expect(store.asked).toBe(2)
})

test('get on the fresh path asks nobody', async () => {
  const { store, cache } = await loadedScene()
  for (let call = 0; call < 100; call += 1) await cache.get()
  expect(store.asked).toBe(1)
})

test('a subscriber that fails is reported and harms neither the others nor the flight', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const { store, cache } = await loadedScene()
  const heard: (string | undefined)[] = []
  cache.subscribe(() => {
    throw new Error('broken subscriber')
  })
  const unsubscribe = cache.subscribe(({ credentials, previous }) => {
    heard.push(previous?.version, credentials.version)
  })
  store.publish('v2')
  expect((await cache.refresh()).version).toBe('v2')
  expect(heard).toEqual(['v1', 'v2'])
  expect(warn).toHaveBeenCalledTimes(1)
  unsubscribe()
  store.publish('v3')
  await cache.refresh()
  expect(heard).toEqual(['v1', 'v2'])
  warn.mockRestore()
})
