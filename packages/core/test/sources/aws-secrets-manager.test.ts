import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials, poolTimings } from '../../src/index.ts'
import { fromAwsSecretsManager } from '../../src/sources/aws-secrets-manager.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'

const credentials = { accessKeyId: 'id', secretAccessKey: 'hunter2-key' }

function sourceOf({ url }: HttpStore) {
  const client = { endpoint: url, region: 'eu-central-1', credentials, maxAttempts: 1 }
  return fromAwsSecretsManager('prod/db', { client })
}

function secret(SecretString: string): object {
  return { Name: 'prod/db', VersionId: 'v1', SecretString, VersionStages: ['AWSCURRENT'] }
}

test.each(['single-user', 'alternating-users'] as const)(
  'the timings for %s fit, in a cache and in a pool',
  (rotation) => {
    const { timings } = createCredentials(fromAwsSecretsManager('prod/db', { rotation }))
    expect(poolTimings(timings, {}).drainDeadline).toBeGreaterThan(0)
    expect(timings.ttl).toBeLessThanOrEqual(300_000)
  },
)

test('a single user’s gap is bridged for two minutes, and noticed within one', () => {
  const { timings } = createCredentials(fromAwsSecretsManager('prod/db'))
  expect(timings).toMatchObject({ overlap: -90_000, ttl: 60_000, loginDeadline: 120_000 })
})

test.each([
  ['ThrottlingException', 400, 'throttled'],
  ['AccessDeniedException', 400, 'forbidden'],
  ['ExpiredTokenException', 400, 'forbidden'],
  ['ResourceNotFoundException', 400, 'not found'],
  ['InvalidSignatureException', 400, 'a clock that is wrong'],
  ['InternalServiceError', 500, 'an error of the store'],
])('%s is told as what it is, and the last good pair serves on', async (type, status, given) => {
  const store = await HttpStore.start()
  store.json(200, secret('{ "username": "app", "password": "hunter2" }'))
  await using cache = createCredentials(sourceOf(store))
  await cache.get()
  store.json(status, { __type: type, message: 'no' })
  const reports = listen('rekey:refresh-error')
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'prod/db', given })
  expect(error).toHaveProperty('message', expect.stringContaining(type))
  expect(reports).toMatchObject([{ error, failures: 1, serving: 'v1' }])
  expect((await cache.get()).password.reveal()).toBe('hunter2')
  expect(inspect([error, reports], { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('a store that cannot be reached is an error of the store', async () => {
  const client = { endpoint: 'http://127.0.0.1:1', region: 'r', credentials, maxAttempts: 1 }
  await using cache = createCredentials(fromAwsSecretsManager('prod/db', { client }))
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ given: 'an error of the store' })
})

test('an AWSPREVIOUS that is no pair is no reason to refuse AWSCURRENT', async () => {
  const store = await HttpStore.start()
  const source = sourceOf(store)
  store.answers = [
    secret('{ "username": "a", "password": "pw" }'),
    secret('{ "username": "a", "password": [1] }'),
  ]
  await using cache = createCredentials(source)
  expect(await cache.get()).toMatchObject({ user: 'a', version: 'v1', previous: undefined })
  expect(store.requests).toHaveLength(2)
  store.json(200, secret('{ "username": "a", "password": "pw" }'))
  await cache.refresh()
  expect(store.requests).toHaveLength(3)
})

test.each([
  ['nothing', undefined, 'prod/db'],
  ['plain text', 'hunter2', 'prod/db'],
  ['a text in JSON', '"hunter2"', 'prod/db'],
  ['no user', '{ "password": "hunter2" }', 'user'],
  ['a password that is an object', '{ "username": "a", "password": ["hunter2"] }', 'password'],
  ['10 MB', JSON.stringify({ username: 'a', password: 'hunter2'.repeat(1_500_000) }), 'prod/db'],
])('a secret that holds %s is refused without a word of it', async (_what, content, option) => {
  const store = await HttpStore.start()
  store.json(200, secret(content as string))
  await using cache = createCredentials(sourceOf(store))
  listen('rekey:refresh-error')
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each([
  [200, 'hunter2', { code: 'ERR_REKEY_ANSWER', given: 'no JSON' }],
  [200, '{"value": hunter2', { code: 'ERR_REKEY_ANSWER', given: 'no JSON' }],
  [503, '<p>hunter2', { code: 'ERR_REKEY_LOAD', given: 'throttled' }],
])(
  'an answer with the status %i that is %s is told without a word of it',
  async (status, body, told) => {
    const store = await HttpStore.start()
    store.answer = { status, body }
    await using cache = createCredentials(sourceOf(store))
    listen('rekey:refresh-error')
    const error = await rejection(cache.get())
    expect(error).toMatchObject({ ...told, option: 'prod/db' })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
  },
)

async function noRegion(): Promise<string> {
  throw new Error('Region is missing')
}

test('a region that nobody has set is told with its name', async () => {
  const client = { region: noRegion as never, credentials }
  await using cache = createCredentials(fromAwsSecretsManager('prod/db', { client }))
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({
    given: 'unusable settings',
    cause: { message: 'Region is missing' },
  })
})

test('a store that hangs is left at the deadline, and its request is taken back', async () => {
  const store = await HttpStore.start()
  store.answer = 'hangs'
  await using cache = createCredentials(sourceOf(store), { loadDeadline: 1_000 })
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
  await expect.poll(() => store.requests[0]?.destroyed).toBe(true)
})

test.each([
  [undefined, {}, 'secretId'],
  ['', {}, 'secretId'],
  ['prod/db', { rotation: 'both' }, 'rotation'],
])('%j with %j is refused at once', (id, options, option) => {
  const make = () => fromAwsSecretsManager(id as string, options as never)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
