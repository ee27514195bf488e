import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials, Secret, type LoadedCredentials, type Source } from '../../src/index.ts'
import { fromVaultDynamicRole, fromVaultKv, fromVaultStaticRole } from '../../src/sources/vault.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'
import { tryHang } from './troubled-store.ts'

const options = { address: 'http://127.0.0.1:8200', token: 'hvs.t0ken' }
const overlap = 60_000
const lease = 3_600_000

test.each([
  [429, 'throttled'],
  [503, 'throttled'],
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'not found'],
  [410, 'not found'],
  [502, 'an error of the store'],
  [400, 'unusable settings'],
  [500, 'an error of the store'],
])('a status of %i is told as what it is, without a word of the answer', async (status, given) => {
  const store = await HttpStore.start()
  store.json(200, {
    data: { data: { username: 'app', password: 'hunter2' }, metadata: { version: 1 } },
  })
  const source = fromVaultKv('db', { address: `${store.url}/`, token: new Secret('hvs.t0ken') })
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  expect(store.requests[0]?.url).toBe('/v1/secret/data/db')
  store.json(status, { errors: ['hunter2'] })
  const reports = listen('rekey:refresh-error')
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'secret/data/db', given })
  expect(cache.current?.password.reveal()).toBe('hunter2')
  expect(inspect([error, reports, source], { depth: 10, showHidden: true })).not.toMatch(
    /hunter2|t0ken/,
  )
})

test.each([
  ['no JSON', 'hunter2'],
  ['a list', '["hunter2"]'],
  ['an answer without data', '{ "data": null }'],
  [
    'no password',
    '{ "data": { "data": { "username": "hunter2" }, "metadata": { "version": 1 } } }',
  ],
  ['no user', '{ "data": { "data": { "password": "hunter2" }, "metadata": { "version": 1 } } }'],
  ['10 MB', JSON.stringify({ data: { data: { password: 'hunter2'.repeat(1_500_000) } } })],
])('%s is refused without a word of it', async (_what, body) => {
  const store = await HttpStore.start()
  store.answer = { status: 200, body }
  await using cache = createCredentials(fromVaultKv('db', { ...options, address: store.url }), {
    overlap,
  })
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

tryHang({
  name: 'a secret',
  make: ({ url }) => fromVaultKv('db', { ...options, address: url }),
  timings: { overlap },
})
tryHang({
  name: 'a static role',
  make: ({ url }) => fromVaultStaticRole('app', { ...options, address: url }),
})
tryHang({
  name: 'a dynamic role',
  make: ({ url }) => fromVaultDynamicRole('app', { ...options, address: url, lease }),
})

test.each([
  ['two lines', 'hunter2\nhunter2'],
  ['letters that are not ASCII', 'hunter2…'],
])('a token of %s is told without a word of it', async (_what, token) => {
  await using cache = createCredentials(
    fromVaultKv('db', { address: options.address, token: new Secret(token) }),
    { overlap },
  )
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'unusable settings' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

async function load(source: Source): Promise<LoadedCredentials> {
  return source.load({ signal: AbortSignal.timeout(5_000) })
}

test.each([
  ['prod/db', 'prod/db'],
  ['a b?c#d', 'a%20b%3Fc%23d'],
  ['über/%2e%2e/x', '%C3%BCber/%252e%252e/x'],
])('the name %j is asked for as it is written', async (name, encoded) => {
  const store = await HttpStore.start()
  const secret = { data: { username: 'app', password: 'pw' }, metadata: { version: 2 } }
  store.json(200, { data: secret })
  const more = { ...options, address: store.url, mount: name }
  await load(fromVaultKv(name, more))
  store.json(200, { lease_id: '1', lease_duration: 60, data: secret.data })
  await load(fromVaultStaticRole(name, more))
  await load(fromVaultDynamicRole(name, { ...more, lease: 60_000 }))
  const kinds = ['data', 'data', 'static-creds', 'creds']
  expect(store.requests.map(({ url }) => url)).toEqual(
    kinds.map((kind, at) => `/v1/${encoded}/${kind}/${encoded}${at === 1 ? '?version=1' : ''}`),
  )
  store.json(404, {})
  expect(await rejection(load(fromVaultKv(name, more)))).toMatchObject({
    option: `${name}/data/${name}`,
  })
})

const login = { path: 'auth/approle/login', body: () => ({}) }

const roles: [string, (address: string) => Source][] = [
  ['a static role', (address) => fromVaultStaticRole('app', { ...options, address })],
  ['a dynamic role', (address) => fromVaultDynamicRole('app', { ...options, address, lease })],
]
const answered = { lease_id: '1', lease_duration: 3_600, renewable: true }

test.each(
  roles.flatMap(([what, make]) =>
    [
      { name: 'no JSON', body: 'hunter2' },
      { name: 'nothing', body: '{ "data": null }' },
      { name: 'no user', body: { password: 'hunter2' }, option: 'user' },
      { name: 'no password', body: { username: 'hunter2' }, option: 'password' },
      { name: '10 MB', body: { password: 'hunter2'.repeat(1_500_000) } },
    ].map((answer) => ({ what, make, ...answer })),
  ),
)('$what that answers $name is refused without a word of it', async (tried) => {
  const { make, body, option } = tried
  const store = await HttpStore.start()
  const text = typeof body === 'string' ? body : JSON.stringify({ ...answered, data: body })
  store.answer = { status: 200, body: text }
  await using cache = createCredentials(make(store.url))
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', ...(option && { option }) })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each(roles)('%s that Vault does not know is told with its path', async (_what, make) => {
  const store = await HttpStore.start()
  // Not with 404.
  store.json(400, { errors: ['unknown role: app'] })
  const error = await rejection(load(make(store.url)))
  const option: unknown = expect.stringMatching(/creds\/app$/)
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'unusable settings', option })
})

test.each<[string, (address: string) => Source, string]>([
  ['a login', (address) => fromVaultKv('db', { address, login }), 'client_token'],
  ['a lease', (address) => fromVaultDynamicRole('app', { ...options, address, lease }), 'lease_id'],
])('%s that does not say which it is, is no usable answer', async (_what, make, option) => {
  const store = await HttpStore.start()
  store.json(200, { lease_duration: 3_600, data: { username: 'app', password: 'pw' } })
  expect(await rejection(load(make(store.url)))).toMatchObject({ code: 'ERR_REKEY_ANSWER', option })
})

test('an answer that breaks off is an error of the store', async () => {
  const store = await HttpStore.start()
  const headers = { 'content-length': '1000' }
  store.answer = { status: 200, body: '{ "data": "hunter2', headers, breaksOff: true }
  const source = fromVaultKv('db', { ...options, address: store.url })
  expect(await rejection(load(source))).toMatchObject({
    code: 'ERR_REKEY_LOAD',
    given: 'an error of the store',
  })
})

test('a store that cannot be reached is an error of the store', async () => {
  const source = fromVaultKv('db', { ...options, address: 'http://127.0.0.1:1' })
  expect(await rejection(load(source))).toMatchObject({
    code: 'ERR_REKEY_LOAD',
    given: 'an error of the store',
  })
})

test.each<[string, () => unknown, string]>([
  ['no path', () => fromVaultKv('', options), 'path'],
  ['a path that leads out', () => fromVaultKv('../sys/mounts', options), 'path'],
  ['a path that is no text', () => fromVaultKv('db\ud800', options), 'path'],
  ['a mount that leads out', () => fromVaultKv('db', { ...options, mount: 'a/..' }), 'mount'],
  ['an empty mount', () => fromVaultStaticRole('app', { ...options, mount: '' }), 'mount'],
  ['a role that leads out', () => fromVaultStaticRole('..', options), 'role'],
  ['a dynamic one that does', () => fromVaultDynamicRole('.', { ...options, lease: 1 }), 'role'],
  [
    'a login that leads out',
    () =>
      fromVaultKv('db', {
        address: 'http://v',
        login: { path: 'auth/../sys', body: () => ({}) },
      }),
    'login.path',
  ],
  ['no address', () => fromVaultKv('db', { token: 't' } as never), 'address'],
  ['an address that is none', () => fromVaultKv('db', { ...options, address: 'vault' }), 'address'],
  ['no web address', () => fromVaultKv('db', { ...options, address: 'ftp://v' }), 'address'],
  ['a password in it', () => fromVaultKv('db', { ...options, address: 'http://u:p@v' }), 'address'],
  ['no token', () => fromVaultKv('db', { address: 'http://v' }), 'token'],
  [
    'token and login',
    () => fromVaultKv('db', { ...options, login: { path: 'p', body: () => ({}) } }),
    'token',
  ],
  ['no role', () => fromVaultStaticRole('', options), 'role'],
  ['no dynamic role', () => fromVaultDynamicRole('', { ...options, lease: 1 }), 'role'],
  ['no lease', () => fromVaultDynamicRole('app', options as never), 'lease'],
  ['a lease of nothing', () => fromVaultDynamicRole('app', { ...options, lease: 0 }), 'lease'],
])('%s is refused at once', (_what, make, option) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
