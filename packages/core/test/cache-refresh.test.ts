import { expect, test } from 'vitest'
import { listen, rejection, warnings } from './listen.ts'
import { loadedScene, scene, ttl } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

const loadDeadline = 10_000

test.each([
  ['at the TTL at the latest', 0, ttl],
  ['ahead of it by half of the jitter', 0.5, ttl * 0.9],
  ['ahead of it by all of the jitter at most', 0.999_999, ttl * 0.8],
])('a refresh comes %s', async (_when, random, at) => {
  const { store, clock } = await loadedScene({ jitter: 0.2, random: () => random })
  await clock.advance(at * random + 1)
  expect(store.asked).toBe(2)
  await clock.advance(at - 10)
  expect(store.asked).toBe(2)
  await clock.advance(20)
  expect(store.asked).toBe(3)
})

test('after a load that was not on schedule the next one comes at any moment before it would have been due', async () => {
  const { store, clock, cache } = await loadedScene({ jitter: 0.1, random: () => 0.25 })
  const due = ttl * 0.975 * 0.25
  const isNext = async (before: number): Promise<void> => {
    await clock.advance(due - 1)
    expect(store.asked).toBe(before)
    await clock.advance(1)
    expect(store.asked).toBe(before + 1)
  }
  await isNext(1)
  await cache.refresh()
  await isNext(3)
  store.push?.()
  await settled()
  await isNext(5)
  listen('rekey:refresh-error')
  store.failure = new Error('down')
  await clock.advance(ttl)
  store.failure = undefined
  const before = store.asked
  while (store.asked === before) await clock.advance(1)
  await isNext(before + 1)
})

test('processes that start together drift apart', async () => {
  const times = new Set<number>()
  for (const random of [0.1, 0.3, 0.5, 0.7, 0.9]) {
    const { store, clock } = await loadedScene({ jitter: 0.1, random: () => random })
    while (store.asked === 1) await clock.advance(1_000)
    times.add(clock.now())
  }
  expect(times.size).toBe(5)
})

test('refreshes go on for ever, one per TTL', async () => {
  const { store, clock } = await loadedScene()
  await clock.advance(100 * ttl)
  expect(store.asked).toBe(101)
})

test('credentials that expire are refreshed after three quarters of what is left', async () => {
  const { store, clock, cache } = scene()
  store.publish('v1', { expiresAt: clock.wall() + 60_000 })
  await cache.get()
  await clock.advance(44_999)
  expect(store.asked).toBe(1)
  await clock.advance(1)
  expect(store.asked).toBe(2)
})

test('a renewed lease of the same version is taken up without a change', async () => {
  const { store, clock, cache } = await loadedScene()
  const changes = listen('rekey:change')
  const expiresAt = clock.wall() + 3_600_000
  store.publish('v1', { expiresAt })
  await cache.refresh()
  expect(cache.current?.expiresAt).toBe(expiresAt)
  expect(changes).toEqual([])
})

test('a store that hands out expired credentials is asked about once a second, not in a storm', async () => {
  const { store, clock, cache } = scene()
  store.publish('v1', { expiresAt: clock.wall() - 60_000 })
  await cache.get()
  await clock.advance(60_000)
  expect(store.asked).toBeLessThanOrEqual(61)
})

test('a store that is down is asked for ever, with full jitter up to the cap, and found when it is back', async () => {
  warnings()
  const { store, clock, cache } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  store.failure = new Error('down')
  await clock.advance(ttl + 3_600_000)
  // 125, 250, … 64,000, 100,000, 100,000 …: half of the ceiling each, since chance says 0.5.
  const waits = errors.map(({ retryIn }) => retryIn)
  expect(waits.slice(0, 10)).toEqual([
    125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000,
  ])
  expect(waits.slice(10)).toEqual(waits.slice(10).map(() => ttl / 3))
  expect(waits.length).toBeGreaterThan(40)
  expect(errors.at(-1)).toMatchObject({
    source: 'scripted store',
    failures: errors.length,
    serving: 'v1',
    error: { code: 'ERR_REKEY_LOAD', cause: store.failure },
  })
  store.failure = undefined
  store.publish('v2')
  await clock.advance(ttl / 3)
  expect(cache.current?.version).toBe('v2')
  expect(cache.fresh()?.version).toBe('v2')
})

test('success resets the backoff', async () => {
  const { store, clock } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  store.failure = new Error('down')
  await clock.advance(ttl + 60_000)
  store.failure = undefined
  await clock.advance(ttl / 2)
  store.failure = new Error('down again')
  const before = errors.length
  await clock.advance(ttl)
  expect(errors[before]).toMatchObject({ failures: 1, retryIn: 125 })
})

test('the last good pair serves at once while the store is down, however long', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  store.failure = new Error('down')
  await clock.advance(20 * ttl)
  const asked = store.asked
  expect((await cache.get()).version).toBe('v1')
  expect(cache.current?.version).toBe('v1')
  expect(cache.fresh()).toBeUndefined()
  expect(store.asked).toBe(asked)
})

test('an explicit refresh of a store that is down rejects, and the last good pair serves all the same', async () => {
  const { store, cache } = await loadedScene()
  listen('rekey:refresh-error')
  store.failure = new Error('down')
  expect(await rejection(cache.refresh())).toMatchObject({ code: 'ERR_REKEY_LOAD' })
  expect((await cache.get()).version).toBe('v1')
})

test.each([
  ['nothing', undefined, 'answer'],
  ['null', null, 'answer'],
  ['a string', 'user=app password=pw', 'answer'],
  ['no user', { password: 'pw' }, 'user'],
  ['an empty user', { user: '', password: 'pw' }, 'user'],
  ['a number for a user', { user: 5, password: 'pw' }, 'user'],
  ['no password', { user: 'app' }, 'password'],
  ['an empty password', { user: 'app', password: '' }, 'password'],
  ['a list for a password', { user: 'app', password: ['pw'] }, 'password'],
  ['an empty version', { user: 'app', password: 'pw', version: '' }, 'version'],
  ['a number for a version', { user: 'app', password: 'pw', version: 2 }, 'version'],
  ['an invalid date', { user: 'app', password: 'pw', expiresAt: new Date('x') }, 'expiresAt'],
  ['text for a date', { user: 'app', password: 'pw', issuedAt: 'noon' }, 'issuedAt'],
])('a store that answers with %s is not believed', async (_what, answer, option) => {
  const { store, cache } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  store.answer = answer
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({
    name: 'RekeyError',
    code: 'ERR_REKEY_ANSWER',
    option,
    given: expect.stringMatching(/^(an? |nothing|null)/),
    allowed: expect.any(String),
  })
  expect(errors).toMatchObject([{ error, serving: 'v1' }])
  expect((await cache.get()).version).toBe('v1')
})

test('the same version with another password is a torn pair', async () => {
  const { store, cache } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  store.answer = { user: 'app', password: 'pw-2', version: 'v1' }
  expect(await rejection(cache.refresh())).toMatchObject({ code: 'ERR_REKEY_ANSWER' })
  expect(cache.current?.password.reveal()).toBe('pw-v1')
  expect(errors).toHaveLength(1)
})

test('a torn pair that was taken up is replaced by the whole one once the server has refused it', async () => {
  const { store, clock, cache } = scene()
  store.answer = { user: 'app', password: 'of another version', version: 'v1' }
  await cache.get()
  store.answer = { user: 'app', password: 'pw-v1', version: 'v1' }
  cache.invalidate('v1')
  await clock.advance(1_000)
  expect(cache.current?.password.reveal()).toBe('pw-v1')
})

test('a store that hangs is given up at the load deadline, and its signal aborts', async () => {
  const { store, clock, cache } = scene()
  store.silent = true
  const answer = rejection(cache.get())
  await clock.advance(loadDeadline - 1)
  expect(store.last.signal.aborted).toBe(false)
  await clock.advance(1)
  expect(store.last.signal.aborted).toBe(true)
  const error = await answer
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE', option: 'loadDeadline' })
  expect(store.last.signal.reason).toBe(error)
})

test('an answer that comes in time leaves the signal alone', async () => {
  const { store, clock } = await loadedScene()
  await clock.advance(loadDeadline)
  expect(store.questions[0]?.signal.aborted).toBe(false)
})

test('an answer that comes after the deadline is ignored', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  store.silent = true
  await clock.advance(ttl + loadDeadline)
  const late = store.last
  late.answer({ user: 'app', password: 'late', version: 'v0' })
  await settled()
  expect(cache.current?.version).toBe('v1')
})

test('a store that fails after the deadline troubles nobody', async () => {
  const { store, clock, cache } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  store.silent = true
  await clock.advance(ttl + loadDeadline)
  store.last.fail(new Error('too late'))
  await settled()
  expect(errors).toHaveLength(1)
  expect(cache.current?.version).toBe('v1')
})

test('while the store hangs nobody waits for it: not in the first refresh, and not in any later', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  store.silent = true
  await clock.advance(ttl)
  const asked = store.asked
  for (let second = 0; second < 120; second += 1) {
    let served: string | undefined
    void cache.get().then(({ version }) => (served = version))
    await settled()
    expect(served, `at second ${second} of the outage`).toBe('v1')
    await clock.advance(1_000)
  }
  expect(store.asked).toBeGreaterThan(asked)
})

test('a failing watch is reported and polling goes on', async () => {
  const { store, clock } = await loadedScene()
  const errors = listen('rekey:refresh-error')
  const error = new Error('the watch broke')
  store.watched?.onError(error)
  expect(errors).toMatchObject([{ error, serving: 'v1' }])
  await clock.advance(ttl)
  expect(store.asked).toBe(2)
})

test('a push asks the store at once; pushes during that flight ask once more after it', async () => {
  const { store, cache } = await loadedScene()
  store.publish('v2')
  store.push?.()
  await settled()
  expect(cache.current?.version).toBe('v2')
  store.silent = true
  store.push?.()
  for (let event = 0; event < 100; event += 1) store.push?.()
  await settled()
  expect(store.asked).toBe(3)
  store.silent = false
  store.last.answer(store.answer)
  await settled()
  expect(store.asked).toBe(4)
})

test('an urgent refresh tells subscribers to hurry, also where the version is already known', async () => {
  const { store, cache } = await loadedScene()
  const urgent: boolean[] = []
  cache.subscribe((change) => urgent.push(change.urgent))
  await cache.refresh()
  expect(urgent).toEqual([])
  await cache.refresh({ urgent: true })
  expect(urgent).toEqual([true])
  store.publish('v2')
  await cache.refresh()
  expect(urgent).toEqual([true, false])
  store.publish('v3')
  await cache.refresh({ urgent: true })
  expect(urgent).toEqual([true, false, true])
})

test('an urgent refresh that fails keeps its urgency for the change that comes', async () => {
  const { store, clock, cache } = await loadedScene()
  listen('rekey:refresh-error')
  const changes = listen('rekey:change')
  store.failure = new Error('down')
  await rejection(cache.refresh({ urgent: true }))
  store.failure = undefined
  store.publish('v2')
  await clock.advance(60_000)
  expect(changes).toEqual([
    { source: 'scripted store', version: 'v2', previous: 'v1', urgent: true },
  ])
})

test('where nobody listens the first failure in a row is a process warning, and only the first', async () => {
  const heard = warnings()
  const { store, clock } = await loadedScene()
  store.failure = new Error('down')
  await clock.advance(ttl + 60_000)
  expect(heard).toMatchObject([{ name: 'RekeyWarning', code: 'rekey:refresh-error' }])
})

test('a store that says when it will change the pair is asked just after, each process at its own moment', async () => {
  const { store, clock, cache } = scene({ jitter: 0.1 })
  const changesAt = clock.wall() + 40_000
  store.publish('v1', { changesAt })
  await cache.get()
  // A tenth of the TTL of 5 minutes, halved by chance.
  await clock.advance(54_999)
  expect(store.asked).toBe(1)
  store.publish('v2', { changesAt: changesAt + 24 * 3_600_000 })
  await clock.advance(1)
  expect(cache.current).toMatchObject({ version: 'v2' })
  // The next change is far: the TTL counts.
  await clock.advance(ttl)
  expect(store.asked).toBe(3)
})

test('a store that is late with its change is asked again and again, and not in a storm', async () => {
  const { store, clock, cache } = scene({ jitter: 0 })
  store.publish('v1', { changesAt: clock.wall() })
  await cache.get()
  await clock.advance(10_000)
  expect(store.asked).toBe(11)
})
