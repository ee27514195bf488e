import type { IncomingHttpHeaders } from 'node:http'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createCredentials } from '../../src/index.ts'
import { fromAwsSecretsManager } from '../../src/sources/aws-secrets-manager.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'
import { tryHang, tryUnreadable } from './troubled-store.ts'

const credentials = { accessKeyId: 'id', secretAccessKey: 'hunter2-key' }

function sourceOf({ url }: HttpStore) {
  const client = { endpoint: url, region: 'eu-central-1', credentials, maxAttempts: 1 }
  return fromAwsSecretsManager('prod/db', { client })
}

function secret(SecretString: string): object {
  return { Name: 'prod/db', VersionId: 'v1', SecretString, VersionStages: ['AWSCURRENT'] }
}

test.each([
  ['ThrottlingException', 400, 'throttled'],
  ['TooManyRequestsException', 429, 'throttled'],
  ['AccessDeniedException', 400, 'forbidden'],
  ['ExpiredTokenException', 400, 'forbidden'],
  ['UnrecognizedClientException', 400, 'forbidden'],
  ['InvalidClientTokenId', 403, 'forbidden'],
  ['InvalidSignatureException', 400, 'forbidden'],
  ['SignatureDoesNotMatch', 403, 'forbidden'],
  ['ResourceNotFoundException', 400, 'not found'],
  ['InvalidRequestException', 400, 'not found'],
  ['InvalidParameterException', 400, 'unusable settings'],
  ['ValidationException', 400, 'unusable settings'],
  ['InvalidSignatureException', 400, 'a clock that is wrong', 'Signature expired: 20300101T00'],
  ['InvalidSignatureException', 400, 'a clock that is wrong', 'Signature not yet current: 203'],
  ['RequestTimeTooSkewed', 403, 'a clock that is wrong'],
  ['InternalServiceError', 500, 'an error of the store'],
])(
  '%s (%i) is told as %s, and the last good pair serves on',
  async (type, status, given, message = 'no') => {
    const store = await HttpStore.start()
    store.json(200, secret('{ "username": "app", "password": "hunter2" }'))
    await using cache = createCredentials(sourceOf(store))
    await cache.get()
    store.json(status, { __type: type, message })
    const reports = listen('rekey:refresh-error')
    const error = await rejection(cache.refresh())
    expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'prod/db', given })
    expect(error).toHaveProperty('message', expect.stringContaining(type))
    expect(reports).toMatchObject([{ error, failures: 1, serving: 'v1' }])
    expect((await cache.get()).password.reveal()).toBe('hunter2')
    expect(inspect([error, reports], { depth: 10, showHidden: true })).not.toContain('hunter2')
  },
)

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

tryUnreadable({ make: sourceOf, place: 'prod/db' })
tryHang({ make: sourceOf })

test('a clock that is an hour off AWS’s is corrected by what the first answer says', async () => {
  const store = await HttpStore.start()
  const hour = 3_600_000
  const body = JSON.stringify(secret('{ "username": "app", "password": "pw" }'))
  const headers = { date: new Date(Date.now() + hour).toUTCString() }
  store.answer = { status: 200, body, headers }
  await using cache = createCredentials(sourceOf(store))
  await cache.get()
  await cache.refresh()
  const [first, ...later] = store.requests.map(({ headers: asked }) => signedAt(asked))
  for (const at of later) expect(at - Number(first)).toBeGreaterThan(hour / 2)
  expect(later).toHaveLength(2)
})

/** When a question says that it was signed, in milliseconds. */
function signedAt({ 'x-amz-date': date }: IncomingHttpHeaders): number {
  const [, ...parts] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(String(date)) ?? []
  const [year = 0, month = 0, ...rest] = parts.map(Number)
  return Date.UTC(year, month - 1, ...rest)
}

test('a region that nobody has set is told with its name', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined)
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/none')
  const source = fromAwsSecretsManager('prod/db', { client: { credentials } })
  await using cache = createCredentials(source)
  listen('rekey:refresh-error')
  expect(await rejection(cache.get())).toMatchObject({
    given: 'unusable settings',
    cause: { message: 'Region is missing' },
  })
})

test.each([
  [undefined, {}, 'secretId'],
  ['', {}, 'secretId'],
  ['prod/db', { rotation: 'both' }, 'rotation'],
])('%j with %j is refused at once', (id, options, option) => {
  const make = () => fromAwsSecretsManager(id as string, options as never)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
