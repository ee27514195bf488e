// What the sources know of time they know from the clock of their cache.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { combine, createCredentials, fromFile, fromFunction } from '../../src/index.ts'
import { fromRdsIam } from '../../src/sources/aws-iam.ts'
import { notifiedBy, postgresChannel } from '../../src/sources/notified-by.ts'
import { fromVaultDynamicRole, fromVaultKv, fromVaultStaticRole } from '../../src/sources/vault.ts'
import { listen } from '../listen.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import { folder } from './folder.ts'
import { HttpStore } from './http-store.ts'

const { signal } = new AbortController()
const minute = 60_000
const identity = async () => ({ accessKeyId: 'AKID', secretAccessKey: 'key' })

test('a token of IAM ends 15 minutes after it was signed', async () => {
  const clock = new VirtualClock()
  const source = fromRdsIam({ host: 'db', port: 5432, user: 'app', region: 'r', identity })
  const { expiresAt } = await source.load({ signal, clock })
  expect(expiresAt).toBe(clock.wall() + 15 * minute)
})

test('a login at Vault is renewed at two thirds of its token’s life', async () => {
  const store = await HttpStore.start()
  const clock = new VirtualClock()
  const login = { path: 'auth/approle/login', body: () => ({}) }
  const source = fromVaultKv('db', { address: store.url, login })
  const secret = { data: { data: { username: 'app', password: 'pw' }, metadata: { version: 1 } } }
  const auth = { auth: { client_token: 't', lease_duration: 60 * 60, renewable: true } }
  const load = async (...answers: object[]): Promise<void> => {
    store.answers = answers
    await source.load({ signal, clock })
  }
  await load(auth, secret)
  await clock.advance(40 * minute - 1)
  await load(secret)
  await clock.advance(1)
  await load(auth, secret)
  expect(store.requests.map(({ url }) => url).filter((url) => url?.includes('auth'))).toEqual([
    '/v1/auth/approle/login',
    '/v1/auth/token/renew-self',
  ])
})

test('a lease of Vault is looked up until two thirds of it have passed, then renewed', async () => {
  const store = await HttpStore.start()
  const clock = new VirtualClock()
  const source = fromVaultDynamicRole('app', { address: store.url, token: 't', lease: 60 * minute })
  const lease = { lease_id: 'one', lease_duration: 60 * 60, renewable: true }
  store.answers = [{ ...lease, data: { username: 'app', password: 'pw' } }]
  const first = await source.load({ signal, clock })
  expect(first).toMatchObject({ version: 'one', expiresAt: clock.wall() + 60 * minute })
  store.answers = [{ data: {} }, lease]
  await clock.advance(40 * minute - 1)
  expect(await source.load({ signal, clock })).toEqual(first)
  await clock.advance(1)
  const renewed = { version: 'one', expiresAt: clock.wall() + 60 * minute }
  expect(await source.load({ signal, clock })).toMatchObject(renewed)
  expect(store.requests.map(({ url }) => url)).toEqual([
    '/v1/database/creds/app',
    '/v1/sys/leases/lookup',
    '/v1/sys/leases/renew',
  ])
})

/** Of an hour. */
function leaseOf(lease_id: string): object {
  const data = { username: 'app', password: 'pw' }
  return { lease_id, lease_duration: 60 * 60, renewable: true, data }
}

/** A login of an hour and a half. */
function authOf(client_token: string): object {
  return { auth: { client_token, lease_duration: 90 * 60, renewable: true } }
}

test('a lease that our token may not renew is replaced when that is due', async () => {
  const store = await HttpStore.start()
  const clock = new VirtualClock()
  const source = fromVaultDynamicRole('app', { address: store.url, token: 't', lease: 60 * minute })
  store.answers = [leaseOf('one')]
  await source.load({ signal, clock })
  await clock.advance(40 * minute)
  store.byPath.set('/v1/sys/leases/renew', { status: 403, body: '{}' })
  store.answers = [leaseOf('two')]
  expect(await source.load({ signal, clock })).toMatchObject({ version: 'two' })
})

test('a lease goes with the token that it was asked for with: under another login it is replaced', async () => {
  const store = await HttpStore.start()
  const clock = new VirtualClock()
  const login = { path: 'auth/approle/login', body: () => ({}) }
  const source = fromVaultDynamicRole('app', { address: store.url, login, lease: 60 * minute })
  store.answers = [authOf('first'), leaseOf('one')]
  await source.load({ signal, clock })
  await clock.advance(40 * minute)
  store.answers = [leaseOf('one')]
  expect(await source.load({ signal, clock })).toMatchObject({ version: 'one' })
  await clock.advance(20 * minute)
  // The same token for longer, and the lease stays.
  store.answers = [authOf('first'), { data: {} }]
  expect(await source.load({ signal, clock })).toMatchObject({ version: 'one' })
  await clock.advance(30 * minute)
  store.answers = [leaseOf('one')]
  expect(await source.load({ signal, clock })).toMatchObject({ version: 'one' })
  await clock.advance(30 * minute)
  // Near its longest life it is not renewed any more.
  const noMore = { auth: { client_token: 'first', lease_duration: 60 } }
  store.answers = [noMore, authOf('second'), { data: {} }, leaseOf('two')]
  expect(await source.load({ signal, clock })).toMatchObject({ version: 'two' })
})

test('a static role changes when its ttl is over', async () => {
  const store = await HttpStore.start()
  const clock = new VirtualClock()
  const rotated = { last_vault_rotation: '2030-01-01T00:00:00Z', ttl: 90 }
  store.json(200, { data: { username: 'app', password: 'pw', ...rotated } })
  const source = fromVaultStaticRole('app', { address: store.url, token: 't' })
  expect(await source.load({ signal, clock })).toMatchObject({ changesAt: clock.wall() + 90_000 })
})

test('a push is a question within the spread', async () => {
  const clock = new VirtualClock()
  let loads = 0
  const store = fromFunction(() => ({ user: 'app', password: 'pw', version: `${(loads += 1)}` }))
  const wakes: (() => void)[] = []
  const source = notifiedBy(store, (wake) => void wakes.push(wake), { random: () => 0.5 })
  await using cache = createCredentials(source, { overlap: 60 * minute, clock, jitter: 0 })
  await cache.get()
  wakes.forEach((wake) => wake())
  await clock.advance(999)
  expect(loads).toBe(1)
  await clock.advance(1)
  expect(loads).toBe(2)
})

test('the writes of one burst are one change, when the burst is over', async () => {
  const clock = new VirtualClock()
  const path = join(await folder(), 'database.json')
  await writeFile(path, '{}')
  let changes = 0
  const stop = new AbortController()
  const context = { signal: stop.signal, clock, onError: () => expect.unreachable() }
  fromFile(path).watch?.(() => (changes += 1), context)
  await writeFile(path, '{ "user": "app" }')
  await expect.poll(() => clock.pending).toBe(1)
  await clock.advance(49)
  await writeFile(path, '{ "user": "app", "password": "pw" }')
  expect([changes, clock.pending]).toEqual([0, 1])
  await clock.advance(1)
  expect(changes).toBe(1)
  stop.abort()
})

test('files of a pair are read again 50 ms later', async () => {
  const clock = new VirtualClock()
  const directory = await folder()
  const [user, password] = [join(directory, 'user'), join(directory, 'password')]
  await writeFile(user, 'app')
  await writeFile(password, 'one')
  const loaded = fromFile({ user, password }).load({ signal, clock })
  await expect.poll(() => clock.nextAt).toBe(50)
  await writeFile(password, 'two')
  await clock.advance(50)
  await expect.poll(() => clock.nextAt).toBe(100)
  await clock.advance(50)
  expect(await loaded).toEqual({ user: 'app', password: 'two' })
})

test('a primary that hangs has its time, and no more', async () => {
  const clock = new VirtualClock()
  const primary = fromFunction(() => new Promise<never>(() => {}), { name: 'primary' })
  const fallback = fromFunction(() => ({ user: 'app', password: 'pw' }))
  listen('rekey:refresh-error')
  await using cache = createCredentials(combine(primary, fallback, { after: 3_000 }), {
    overlap: 60 * minute,
    clock,
  })
  const got = cache.get()
  await clock.advance(2_999)
  expect(cache.current).toBeUndefined()
  await clock.advance(1)
  expect(cache.current).toMatchObject({ user: 'app' })
  await got
})

test('a channel that cannot connect tries again with backoff, and no longer once it is over', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  let tries = 0
  const channel = postgresChannel(() => {
    tries += 1
    return Promise.reject(new Error('refused'))
  }, 'rotated')
  channel(() => {}, { signal: stop.signal, onError: () => {}, clock })
  await settled()
  expect([tries, clock.pending]).toEqual([1, 1])
  await clock.advance(250)
  expect(tries).toBeGreaterThan(1)
  stop.abort()
  await settled()
  expect(clock.pending).toBe(0)
})
