import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createCredentials, poolTimings, type Source } from '../../src/index.ts'
import { fromEntraDatabase, fromEntraRedis, type EntraOptions } from '../../src/sources/entra.ts'
import { listen, rejection } from '../listen.ts'
import { VirtualClock } from '../virtual-clock.ts'

const { signal } = new AbortController()
const minute = 60_000

function jwt(claims: object): string {
  return ['{}', JSON.stringify(claims), 'hunter2'].map((part) => btoa(part)).join('.')
}

/** A credential whose tokens live for an hour, and which has the next one `early` milliseconds before the end of the last. */
function credentialOf(clock: VirtualClock, claims: object, early = Infinity) {
  let token = ''
  let expiresOnTimestamp = 0
  const asked: unknown[][] = []
  return {
    asked,
    async getToken(...question: unknown[]) {
      asked.push(question)
      if (expiresOnTimestamp - clock.wall() <= early) {
        expiresOnTimestamp = clock.wall() + 60 * minute
        token = jwt({ ...claims, exp: expiresOnTimestamp })
      }
      return { token, expiresOnTimestamp }
    },
  }
}

const kinds: [string, (options?: EntraOptions) => Source, string, object][] = [
  [
    'a database',
    fromEntraDatabase,
    'https://ossrdbms-aad.database.windows.net/.default',
    { upn: 'app' },
  ],
  ['Redis', fromEntraRedis, 'https://redis.azure.com/.default', { oid: 'app' }],
]

test.each(kinds)(
  'a token for %s is asked for in its scope, and lives as long as it says',
  async (_for, make, scope, claims) => {
    const clock = new VirtualClock()
    const credential = credentialOf(clock, claims)
    const loaded = await make({ credential }).load({ signal, clock })
    expect(loaded).toMatchObject({ user: 'app', expiresAt: clock.wall() + 60 * minute })
    expect(credential.asked).toEqual([[scope, { abortSignal: signal }]])
    await make({ credential, scope: 'https://elsewhere/.default' }).load({ signal, clock })
    expect(credential.asked[1]?.[0]).toBe('https://elsewhere/.default')
  },
)

test.each([
  [0, 42],
  [0.5, 45],
  [0.9999, 48],
])(
  'with chance at %d the next token is asked for after %d minutes of an hour, and not before',
  async (chance, minutes) => {
    const clock = new VirtualClock()
    const credential = credentialOf(clock, { oid: 'app' })
    const source = fromEntraRedis({ credential, random: () => chance })
    const first = await source.load({ signal, clock })
    await clock.advance(minutes * minute - 1_000)
    expect(await source.load({ signal, clock })).toBe(first)
    await clock.advance(1_000)
    expect(await source.load({ signal, clock })).not.toBe(first)
    expect(credential.asked).toHaveLength(2)
  },
)

test('after a sleep, which the monotonic clock does not notice, the next token is asked for at once', async () => {
  const clock = new VirtualClock()
  const credential = credentialOf(clock, { oid: 'app' })
  const source = fromEntraRedis({ credential })
  const first = await source.load({ signal, clock })
  clock.setWall(clock.wall() + 50 * minute)
  expect(await source.load({ signal, clock })).not.toBe(first)
})

test.each(kinds)(
  'where a credential keeps its token for %s until 5 minutes before the end, the next one is there in good time',
  async (_for, make, _scope, claims) => {
    const clock = new VirtualClock()
    const source = make({ credential: credentialOf(clock, claims, 5 * minute) })
    await using cache = createCredentials(source, { clock })
    const { expiresAt = 0 } = await cache.get()
    const { spread, drainDeadline } = poolTimings(cache.timings, {})
    const late = make === fromEntraRedis ? 3 * minute : 0
    await clock.advance(expiresAt - clock.wall() - late - spread - drainDeadline)
    expect(cache.current?.expiresAt).toBeGreaterThan(expiresAt)
  },
)

test('for a database all tokens are one version; for Redis each is one of its own', async () => {
  const clock = new VirtualClock()
  const database = fromEntraDatabase({ user: 'app', credential: credentialOf(clock, {}) })
  expect(await database.load({ signal, clock })).toMatchObject({
    version: 'app by Entra ID',
    checkedAtLogin: true,
  })
  const redis = fromEntraRedis({ user: 'app', credential: credentialOf(clock, {}) })
  const loaded = await redis.load({ signal, clock })
  expect(loaded).not.toHaveProperty('version')
  expect(loaded).not.toHaveProperty('checkedAtLogin')
})

const identity =
  '/subscriptions/1/resourcegroups/r/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app-id'

test.each([
  [fromEntraDatabase, { upn: 'anna@shop', oid: '1' }, 'anna@shop'],
  [fromEntraDatabase, { preferred_username: 'anna@shop' }, 'anna@shop'],
  [fromEntraDatabase, { unique_name: 'anna@shop' }, 'anna@shop'],
  [fromEntraDatabase, { xms_mirid: identity }, 'app-id'],
  [fromEntraRedis, { oid: '1', upn: 'anna@shop' }, '1'],
])('%o knows its user from %j', async (make, claims, user) => {
  const clock = new VirtualClock()
  const credential = credentialOf(clock, claims)
  expect(await make({ credential }).load({ signal, clock })).toMatchObject({ user })
  expect(await make({ credential, user: 'own' }).load({ signal, clock })).toMatchObject({
    user: 'own',
  })
})

test.each([
  ['names nobody', jwt({ oid: '1' })],
  ['is no token', 'hunter2'],
  ['holds no claims', `hunter2.${btoa('hunter2')}.hunter2`],
  ['holds nothing', `a.${btoa('null')}.hunter2`],
])('a token that %s is refused without a word of it', async (_what, token) => {
  const getToken = async () => ({ token, expiresOnTimestamp: Date.now() + 60 * minute })
  await using cache = createCredentials(fromEntraDatabase({ credential: { getToken } }))
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option: 'user' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('a token of 10 MB is refused without a word of it, also where its user is known', async () => {
  const token = 'hunter2'.repeat(1_500_000)
  const getToken = async () => ({ token, expiresOnTimestamp: Date.now() + 60 * minute })
  const source = fromEntraDatabase({ user: 'app', credential: { getToken } })
  await using cache = createCredentials(source)
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', given: 'too much' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each([
  ['CredentialUnavailableError', 'none of them', {}, 'forbidden'],
  ['AggregateAuthenticationError', 'none of them', {}, 'forbidden'],
  ['AuthenticationRequiredError', 'nobody asked', {}, 'forbidden'],
  ['AuthenticationError', 'not now', { statusCode: 503 }, 'throttled'],
  ['AuthenticationError', 'broken', { statusCode: 500 }, 'an error of the store'],
  ['AuthenticationError', 'AADSTS7000215: invalid secret', { statusCode: 400 }, 'forbidden'],
  [
    'AuthenticationError',
    'AADSTS700024: not in its time',
    { statusCode: 401 },
    'a clock that is wrong',
  ],
  ['AuthenticationError', 'slow down', { statusCode: 429 }, 'throttled'],
  ['RestError', 'no such host', { code: 'ENOTFOUND' }, 'an error of the store'],
])(
  '%s (%s) is told as what it is, and the last token serves on',
  async (name, message, more, given) => {
    const clock = new VirtualClock()
    const credential = credentialOf(clock, { oid: 'app' })
    await using cache = createCredentials(fromEntraRedis({ credential }), { clock })
    const first = await cache.get()
    const cause = Object.assign(new Error(message), { name, ...more })
    credential.getToken = () => Promise.reject(cause)
    const reports = listen('rekey:refresh-error')
    await clock.advance(49 * minute)
    expect(reports[0]?.error).toMatchObject({ code: 'ERR_REKEY_LOAD', given, cause })
    expect(await cache.get()).toBe(first)
  },
)

test.each(kinds)(
  'a credential for %s that hangs is left at the deadline, is told so by its signal, and the last token serves on',
  async (_for, make, _scope, claims) => {
    const clock = new VirtualClock()
    const credential = credentialOf(clock, claims)
    await using cache = createCredentials(make({ credential }), { clock })
    const first = await cache.get()
    const asked: AbortSignal[] = []
    credential.getToken = (_scopes, options) => {
      asked.push((options as { abortSignal: AbortSignal }).abortSignal)
      return new Promise<never>(() => {})
    }
    const reports = listen('rekey:refresh-error')
    await clock.advance(51 * minute)
    expect(asked[0]?.aborted).toBe(true)
    expect(reports[0]?.error).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
    expect(cache.current).toBe(first)
  },
)

test('neither the source nor the cache shows a token', async () => {
  const clock = new VirtualClock()
  const source = fromEntraRedis({ credential: credentialOf(clock, { oid: 'app' }) })
  await using cache = createCredentials(source, { clock })
  await cache.get()
  expect(inspect([source, cache, cache.current], { depth: 10, showHidden: true })).not.toContain(
    btoa('hunter2'),
  )
})

test('without a credential of Azure a token is not to be had, and that is told', async () => {
  const credential = { getToken: async () => null }
  await using cache = createCredentials(fromEntraRedis({ credential }))
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'forbidden' })
})

test('where none is given and the machine has none, that is told', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'EnvironmentCredential')
  for (const name of ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID']) vi.stubEnv(name, '')
  await using cache = createCredentials(fromEntraRedis())
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'forbidden' })
})

test.each([
  [{ user: '' }, 'user'],
  [{ scope: '' }, 'scope'],
])('%j is refused at once', (options, option) => {
  for (const make of [fromEntraDatabase, fromEntraRedis]) {
    expect(() => make(options)).toThrow(
      expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }),
    )
  }
})
