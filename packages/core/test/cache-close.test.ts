import { expect, test } from 'vitest'
import { createCredentials, fromFunction } from '../src/index.ts'
import { runAlone } from './child.ts'
import { listen, rejection } from './listen.ts'
import { loadedScene, overlap, scene, ttl } from './scripted-store.ts'
import { settled, VirtualClock } from './virtual-clock.ts'

test('close stops every timer and the watch', async () => {
  const { store, clock, cache } = await loadedScene()
  expect(clock.pending).toBe(1)
  cache.invalidate('v1')
  expect(clock.pending).toBe(2)
  await cache.close()
  expect(clock.pending).toBe(0)
  expect(store.watched?.signal.aborted).toBe(true)
  await clock.advance(10 * ttl)
  expect(store.asked).toBe(1)
})

test('after close get and refresh reject, and what is current stays readable', async () => {
  const { cache } = await loadedScene()
  await cache.close()
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_CLOSED' })
  expect(await rejection(cache.refresh())).toMatchObject({ code: 'ERR_REKEY_CLOSED' })
  expect(cache.current?.version).toBe('v1')
})

test('close aborts the load that is under way, and its callers learn why', async () => {
  const { store, clock, cache } = scene()
  store.silent = true
  const caller = rejection(cache.get())
  await settled()
  await cache.close()
  expect(store.last.signal.aborted).toBe(true)
  expect(await caller).toMatchObject({ code: 'ERR_REKEY_CLOSED' })
  expect(clock.pending).toBe(0)
})

test('close ends a refresh that waits behind another', async () => {
  const { store, clock, cache } = await loadedScene()
  store.silent = true
  const callers = [cache.refresh(), cache.refresh()].map(rejection)
  await settled()
  await cache.close()
  expect(await Promise.all(callers)).toMatchObject([
    { code: 'ERR_REKEY_CLOSED' },
    { code: 'ERR_REKEY_CLOSED' },
  ])
  expect([store.asked, clock.pending]).toEqual([2, 0])
})

test('close ends the pause of those who wait for a first load', async () => {
  const { store, clock, cache } = scene()
  store.failure = new Error('down')
  await rejection(cache.get())
  const caller = rejection(cache.get())
  await settled()
  await cache.close()
  expect(await caller).toMatchObject({ code: 'ERR_REKEY_CLOSED' })
  expect([store.asked, clock.pending]).toEqual([1, 0])
})

test('close during a backoff ends it', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  store.failure = new Error('down')
  await clock.advance(ttl)
  expect(clock.pending).toBe(1)
  await cache.close()
  expect(clock.pending).toBe(0)
})

test('a subscriber that closes the cache leaves no timer behind', async () => {
  const { store, clock, cache } = await loadedScene()
  cache.subscribe(() => void cache.close())
  store.publish('v2')
  await cache.refresh().catch(() => {})
  await settled()
  expect(clock.pending).toBe(0)
})

test('pushes, refusals and answers after close do nothing', async () => {
  const { store, clock, cache } = await loadedScene()
  store.silent = true
  void cache.refresh().catch(() => {})
  await settled()
  await cache.close()
  store.last.answer({ user: 'app', password: 'pw-v2', version: 'v2' })
  store.push?.()
  cache.invalidate('v1')
  await clock.advance(ttl)
  expect(cache.current?.version).toBe('v1')
  expect([store.asked, clock.pending]).toEqual([2, 0])
})

test('closing twice is closing once', async () => {
  const { cache } = await loadedScene()
  await Promise.all([cache.close(), cache.close()])
  await cache.close()
})

test('await using closes', async () => {
  const clock = new VirtualClock()
  const load = fromFunction(() => ({ user: 'app', password: 'pw' }))
  {
    await using cache = createCredentials(load, { overlap, clock })
    await cache.get()
    expect(clock.pending).toBe(1)
  }
  expect(clock.pending).toBe(0)
})

test('a process with a cache, a watch and a load that hangs ends when it is closed', async () => {
  const { output, code } = await runAlone(`
    let aborted = 0
    const source = core.fromFunction(({ signal }) => new Promise((_, reject) => {
      const work = setInterval(() => {}, 1_000)
      signal.addEventListener('abort', () => { aborted += 1; clearInterval(work) })
    }))
    const cache = core.createCredentials(source, { overlap: 3_600_000 })
    const caller = cache.get().catch((error) => console.log(error.code))
    setTimeout(() => cache.close(), 50)
    await caller
    console.log('aborted', aborted)
  `)
  expect({ output, code }).toEqual({ output: 'ERR_REKEY_CLOSED\naborted 1\n', code: 0 })
}, 30_000)
