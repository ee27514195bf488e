import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials } from '../../src/index.ts'
import { fromAzureKeyVault } from '../../src/sources/azure-key-vault.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'
import { tryHang, tryUnreadable } from './troubled-store.ts'

const overlap = 3_600_000
const credential = {
  getToken: async () => ({ token: 't0ken', expiresOnTimestamp: Date.now() + overlap }),
}

/** The store is none that TLS is spoken to: the SDK sends its first question without a token, and so everything here. */
function sourceOf({ url }: HttpStore, more: { user?: string } = {}) {
  const client = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } }
  return fromAzureKeyVault('database', { vault: url, credential, client, ...more })
}

function secret(value: unknown): object {
  const attributes = { enabled: true, created: 1_893_456_000, updated: 1_893_456_000 }
  return { value, id: 'https://shop.vault.azure.net/secrets/database/v1', attributes }
}

test.each([
  [429, 'Throttled', 'throttled'],
  [503, 'ServiceUnavailable', 'throttled'],
  [401, 'Unauthorized', 'forbidden'],
  [403, 'Forbidden', 'forbidden'],
  [410, 'Gone', 'not found'],
  [404, 'SecretNotFound', 'not found'],
  [400, 'BadParameter', 'unusable settings'],
  [500, 'InternalServerError', 'an error of the store'],
])('%i %s is told as what it is, and the last good pair serves on', async (status, code, given) => {
  const store = await HttpStore.start()
  store.json(200, secret('{ "username": "app", "password": "hunter2" }'))
  const source = sourceOf(store)
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  store.json(status, { error: { code, message: 'no' } })
  const reports = listen('rekey:refresh-error')
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'database', given })
  expect(error).toHaveProperty('message', expect.stringContaining(code))
  expect(reports).toMatchObject([{ error, failures: 1, serving: 'v1' }])
  expect(cache.current?.password.reveal()).toBe('hunter2')
  expect(inspect([error, reports, source], { depth: 10, showHidden: true })).not.toMatch(
    /hunter2|t0ken/,
  )
})

test.each([
  ['nothing', undefined, 'database'],
  ['plain text', 'hunter2', 'database'],
  ['no user', '{ "password": "hunter2" }', 'user'],
  ['a password that is a list', '{ "username": "app", "password": ["hunter2"] }', 'password'],
  ['10 MB', JSON.stringify({ username: 'a', password: 'hunter2'.repeat(1_500_000) }), 'database'],
])('a secret that holds %s is refused without a word of it', async (_what, value, option) => {
  const store = await HttpStore.start()
  store.json(200, secret(value))
  await using cache = createCredentials(sourceOf(store), { overlap })
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each([
  ['is empty', '', 'password'],
  ['has 10 MB', 'hunter2'.repeat(1_500_000), 'database'],
])('a password alone that %s is refused', async (_what, value, option) => {
  const store = await HttpStore.start()
  store.json(200, secret(value))
  await using cache = createCredentials(sourceOf(store, { user: 'default' }), { overlap })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_ANSWER', option })
})

tryUnreadable({ make: sourceOf, timings: { overlap }, place: 'database' })
tryHang({ make: sourceOf, timings: { overlap } })

test('a vault that cannot be reached is an error of the store', async () => {
  const source = sourceOf({ url: 'http://127.0.0.1:1' } as HttpStore)
  await using cache = createCredentials(source, { overlap })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ given: 'an error of the store' })
})

const vault = 'https://shop.vault.azure.net'

test.each([
  ['', { vault }, 'secret'],
  ['data_base', { vault }, 'secret'],
  ['../keys', { vault }, 'secret'],
  ['d'.repeat(128), { vault }, 'secret'],
  ['database', {}, 'vault'],
  ['database', { vault: 'shop' }, 'vault'],
  ['database', { vault, user: '' }, 'user'],
])('%j with %j is refused at once', (name, options, option) => {
  const make = () => fromAzureKeyVault(name, options as never)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
