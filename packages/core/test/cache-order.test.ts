import { expect, test } from 'vitest'
import type { LoadedCredentials } from '../src/index.ts'
import { listen } from './listen.ts'
import { loadedScene, scene, type Scene } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

const noon = Date.UTC(2030, 0, 1, 12)

/** Publishes each of the answers in turn and says which version the cache served after each. */
async function serve({ store, cache }: Scene, answers: unknown[]): Promise<unknown[]> {
  const served: unknown[] = []
  for (const answer of answers) {
    store.answer = answer
    const { version, password } = await cache.refresh()
    served.push(version.length === 16 ? password.reveal() : version)
  }
  return served
}

function pair(version: string, more: Partial<LoadedCredentials> = {}): LoadedCredentials {
  return { user: 'app', password: `pw-${version}`, version, ...more }
}

test.each([
  ['was issued earlier', pair('a', { issuedAt: noon }), pair('b', { issuedAt: noon - 1 })],
  [
    'was issued earlier, as a Date',
    pair('a', { issuedAt: new Date(noon) }),
    pair('b', { issuedAt: noon - 1 }),
  ],
  [
    'was issued earlier, though its number is higher',
    pair('5', { issuedAt: noon }),
    pair('6', { issuedAt: noon - 1 }),
  ],
  ['has a lower number', pair('10'), pair('9')],
  ['has a lower number of many digits', pair('90071992547409931'), pair('90071992547409930')],
  [
    'has a lower number and was issued at the same time',
    pair('10', { issuedAt: noon }),
    pair('9', { issuedAt: noon }),
  ],
])('an answer that %s is ignored and reported', async (_how, newer, older) => {
  const made = scene()
  const stale = listen('rekey:stale-answer')
  const changes = listen('rekey:change')
  expect(await serve(made, [newer, older])).toEqual([newer.version, newer.version])
  expect(stale).toEqual([
    { source: 'scripted store', version: older.version, serving: newer.version },
  ])
  expect(changes).toHaveLength(1)
})

test.each([
  ['was issued later', pair('b', { issuedAt: noon }), pair('a', { issuedAt: noon + 1 })],
  ['has a higher number', pair('9'), pair('10')],
  ['has a higher number, after a zero in front', pair('09'), pair('10')],
  ['is of a name never seen', pair('b'), pair('a')],
  ['has a number after a name', pair('b'), pair('1')],
])('an answer that %s is taken up', async (_how, older, newer) => {
  const made = scene()
  const stale = listen('rekey:stale-answer')
  expect(await serve(made, [older, newer])).toEqual([older.version, newer.version])
  expect(stale).toEqual([])
})

test('a version that was left behind is ignored, however many answers a lagging replica gives', async () => {
  const made = scene()
  const stale = listen('rekey:stale-answer')
  const [a, b, c] = [pair('a'), pair('b'), pair('c')]
  expect(await serve(made, [a, b, a, c, b, a, c])).toEqual(['a', 'b', 'b', 'c', 'c', 'c', 'c'])
  expect(stale).toMatchObject([{ version: 'a' }, { version: 'b' }, { version: 'a' }])
})

test('the memory of what was left behind is bounded to the last 64', async () => {
  const made = scene()
  const names = Array.from({ length: 67 }, (_none, index) => `v-${index}`)
  expect(
    await serve(
      made,
      [...names, 'v-2', 'v-1'].map((name) => pair(name)),
    ),
  ).toEqual([...names, 'v-66', 'v-1'])
})

test('a hash of the content has no order: a pair that comes back is a rotation', async () => {
  const made = scene()
  const stale = listen('rekey:stale-answer')
  const [a, b] = [
    { user: 'app', password: 'a' },
    { user: 'app', password: 'b' },
  ]
  expect(await serve(made, [a, b, a, b])).toEqual(['a', 'b', 'a', 'b'])
  expect(stale).toEqual([])
})

test('hashes with a time of issue have its order', async () => {
  const made = scene()
  const older = { user: 'app', password: 'a', issuedAt: noon - 1 }
  const newer = { user: 'app', password: 'b', issuedAt: noon }
  expect(await serve(made, [newer, older])).toEqual(['b', 'b'])
})

test('the hash is that of the content: another user or password is another version, the same pair is not', async () => {
  const made = scene()
  const changes = listen('rekey:change')
  await serve(made, [
    { user: 'a', password: 'pw' },
    { user: 'a', password: 'pw' },
    { user: 'b', password: 'pw' },
    { user: 'b', password: 'wp' },
  ])
  expect(new Set(changes.map(({ version }) => version)).size).toBe(3)
  expect(changes).toHaveLength(3)
  expect(made.cache.current).toMatchObject({ versionDerived: true })
  // A separator in the wrong place must not make two pairs one.
  const before = changes.length
  await serve(made, [
    { user: 'a"', password: ',"b' },
    { user: 'a', password: '","b' },
  ])
  expect(changes).toHaveLength(before + 2)
})

test('an ignored answer counts as an answer: the store is asked again after the TTL, not at once', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  await cache.refresh()
  store.publish('v1')
  await cache.refresh()
  const asked = store.asked
  await clock.advance(60_000)
  expect(store.asked).toBe(asked)
  expect(cache.fresh()?.version).toBe('v2')
})

test('after a refusal the store may go back', async () => {
  const { store, clock, cache } = await loadedScene()
  const stale = listen('rekey:stale-answer')
  store.publish('v2')
  await cache.refresh()
  store.publish('v1')
  await clock.advance(10_000)
  cache.invalidate('v2')
  await settled()
  expect(cache.current?.version).toBe('v1')
  expect(stale).toEqual([])
})

test('a refusal that came early does not lock the new version out: after going back it is taken up again', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  await cache.refresh()
  await clock.advance(10_000)
  store.publish('v1')
  cache.invalidate('v2')
  await settled()
  store.publish('v2')
  expect((await cache.refresh()).version).toBe('v2')
})

test('a refusal is no reason to go back once the store has confirmed the version', async () => {
  const { store, clock, cache } = await loadedScene()
  const stale = listen('rekey:stale-answer')
  store.publish('v2')
  await cache.refresh()
  await clock.advance(10_000)
  cache.invalidate('v2')
  await settled()
  // Hours later, with logins long working again, a lagging replica answers.
  store.publish('v1')
  await cache.refresh()
  expect(cache.current?.version).toBe('v2')
  expect(stale).toMatchObject([{ version: 'v1', serving: 'v2' }])
})

test('an answer to a question from before the refusal is no reason to go back', async () => {
  const { store, clock, cache } = await loadedScene()
  store.publish('v2')
  await cache.refresh()
  await clock.advance(10_000)
  store.silent = true
  const flight = cache.refresh()
  await settled()
  cache.invalidate('v2')
  store.last.answer({ user: 'app', password: 'pw-v1', version: 'v1' })
  expect((await flight).version).toBe('v2')
})

test('another token under the same version is a renewal: taken up, and nobody is told to rotate', async () => {
  const { store, cache } = scene()
  const changes: unknown[] = []
  cache.subscribe((change) => changes.push(change))
  store.publish('v1', { checkedAtLogin: true, password: 'token-1' })
  await cache.get()
  store.publish('v1', { checkedAtLogin: true, password: 'token-2' })
  await cache.refresh()
  expect(cache.current?.password.reveal()).toBe('token-2')
  expect(changes).toHaveLength(1)
})
