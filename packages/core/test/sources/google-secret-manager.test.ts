import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials } from '../../src/index.ts'
import { fromGoogleSecretManager } from '../../src/sources/google-secret-manager.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'
import { tryHang } from './troubled-store.ts'

const secret = 'projects/shop/secrets/database'
const headers = new Headers({ authorization: 'Bearer t0ken' })
const auth = { getRequestHeaders: async () => headers }
const overlap = 3_600_000

function version(number: number, content: string): object {
  const data = Buffer.from(content).toString('base64')
  return { name: `${secret}/versions/${number}`, payload: { data } }
}

/** A source of a store that holds one version, which is asked for by `latest`, by its number, and the next one is not there. */
async function open(content = '{ "username": "app", "password": "hunter2" }') {
  const store = await HttpStore.start()
  const holding = (): void => {
    store.answers = [version(1, content), version(1, content)]
    store.json(404, { error: { status: 'NOT_FOUND' } })
  }
  holding()
  return { store, holding, source: fromGoogleSecretManager(secret, { endpoint: store.url, auth }) }
}

test.each([
  [429, 'throttled'],
  [503, 'throttled'],
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'not found'],
  [410, 'not found'],
  [400, 'not found'],
  [500, 'an error of the store'],
])('a status of %i is told as what it is, without a word of the answer', async (status, given) => {
  const { store, source } = await open()
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  store.json(status, { error: { message: 'hunter2' } })
  const reports = listen('rekey:refresh-error')
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: secret, given })
  expect(cache.current?.password.reveal()).toBe('hunter2')
  expect(inspect([error, reports, source], { depth: 10, showHidden: true })).not.toMatch(
    /hunter2|t0ken/,
  )
})

test.each([
  ['no JSON', 'hunter2', secret],
  ['a text in JSON', '"hunter2"', secret],
  ['no user', '{ "password": "hunter2" }', 'user'],
  ['a password that is a list', '{ "username": "app", "password": ["hunter2"] }', 'password'],
  ['10 MB', JSON.stringify({ password: 'hunter2'.repeat(1_500_000) }), secret],
])('a version that holds %s is refused without a word of it', async (_what, content, option) => {
  const { source } = await open(content)
  await using cache = createCredentials(source, { overlap })
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('an answer without a payload is refused', async () => {
  const { store, source } = await open()
  store.answers = [{ name: `${secret}/versions/1` }]
  await using cache = createCredentials(source, { overlap })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_ANSWER', option: secret })
})

test('a newest version that is no pair is refused, though the one before it is one', async () => {
  const { store, source } = await open()
  const newest = version(2, '{ "username": "app", "password": "pw" }')
  store.answers = [newest, newest, version(3, '{}x')]
  await using cache = createCredentials(source, { overlap })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_ANSWER' })
})

test('an answer that does not say which version it is is refused, and is not what is asked for next', async () => {
  const { store, holding, source } = await open()
  const load = async () => source.load({ signal: AbortSignal.timeout(5_000) })
  store.answers = [{ ...version(1, '{ "username": "app", "password": "pw" }'), name: secret }]
  const told = { code: 'ERR_REKEY_ANSWER', option: secret }
  expect(await rejection(load())).toMatchObject(told)
  holding()
  expect(await load()).toMatchObject({ version: '1' })
})

test('an endpoint that is no URL is refused at once', () => {
  expect(() => fromGoogleSecretManager(secret, { endpoint: 'secretmanager' })).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'endpoint' }),
  )
})

test('a store that refuses version after version is not asked without end', async () => {
  const { store, source, holding } = await open()
  await source.load({ signal: AbortSignal.timeout(60_000) })
  holding()
  store.answers = []
  store.json(400, { error: { status: 'FAILED_PRECONDITION' } })
  store.requests.length = 0
  const loaded = (async () => source.load({ signal: AbortSignal.timeout(60_000) }))()
  expect(await rejection(loaded)).toMatchObject({ given: 'not found' })
  expect(store.requests.length).toBeLessThan(20)
})

test.each([
  ['no credentials', new Error('Could not load the default credentials.'), 'forbidden'],
  [
    'a token that is refused',
    Object.assign(new Error('invalid_grant'), { status: 400 }),
    'forbidden',
  ],
  ['too many questions', Object.assign(new Error('slow down'), { status: 429 }), 'throttled'],
  ['no network', Object.assign(new Error('no'), { code: 'ENOTFOUND' }), 'an error of the store'],
])('where there is no token because of %s, that is told', async (_why, cause, given) => {
  const getRequestHeaders = () => Promise.reject(cause)
  const source = fromGoogleSecretManager(secret, { auth: { getRequestHeaders } })
  await using cache = createCredentials(source, { overlap })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD', given, cause })
})

tryHang({
  make: ({ url }) => fromGoogleSecretManager(secret, { endpoint: url, auth }),
  timings: { overlap },
})

test('a secret of a location is asked for at its own endpoint', async () => {
  const urls: string[] = []
  const getRequestHeaders = async (url: string) => {
    urls.push(url)
    throw new Error('enough')
  }
  for (const name of ['projects/p/locations/europe-west3/secrets/s', 'projects/p/secrets/s']) {
    const source = fromGoogleSecretManager(name, { auth: { getRequestHeaders } })
    await rejection((async () => source.load({ signal: AbortSignal.timeout(5_000) }))())
  }
  const path = 'secrets/s/versions/latest:access'
  expect(urls).toEqual([
    `https://secretmanager.europe-west3.rep.googleapis.com/v1/projects/p/locations/europe-west3/${path}`,
    `https://secretmanager.googleapis.com/v1/projects/p/${path}`,
  ])
})

test('what no secret is called is asked for as it is written', async () => {
  const store = await HttpStore.start()
  const odd = 'projects/ex ample:shop/secrets/data?base#1'
  store.json(404, {})
  const source = fromGoogleSecretManager(odd, { endpoint: store.url, auth })
  const load = async () => source.load({ signal: AbortSignal.timeout(5_000) })
  expect(await rejection(load())).toMatchObject({ given: 'not found', option: odd })
  expect(store.requests[0]?.url).toBe(
    '/v1/projects/ex%20ample%3Ashop/secrets/data%3Fbase%231/versions/latest:access',
  )
})

test.each([
  undefined,
  '',
  'database',
  'projects/shop/secrets/..',
  'projects/shop/locations/elsewhere.example#/secrets/database',
  `${secret}/versions/latest`,
  `${secret}/versions/3`,
])('%j is no name of a secret, and is refused at once', (name) => {
  const make = () => fromGoogleSecretManager(name as string)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'secret' }))
})
