import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCredentials, type LoadedCredentials } from '@rekey/core'
import { fromGoogleSecretManager } from '@rekey/core/google-secret-manager'
import { notifiedBy, webhook } from '@rekey/core/notified-by'
import { expect, onTestFinished, test, vi } from 'vitest'
import { folder } from '../../packages/core/test/sources/folder.ts'
import { until } from '../until.ts'
import { GoogleServer } from './google-server.ts'
import { goTheWholeWay } from './whole-way.ts'

const signal = AbortSignal.timeout(60_000)
const secret = 'projects/shop/secrets/database'

/** A Google, and a workload that finds its credentials as Google's library does. */
async function open() {
  const google = await GoogleServer.start()
  const directory = await folder()
  const [token, file] = [join(directory, 'token'), join(directory, 'credentials.json')]
  await writeFile(token, google.subjectToken)
  await writeFile(file, JSON.stringify(google.credentials(token)))
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
  // Its library would else ask the audience's project for its name.
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'shop')
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await google[Symbol.asyncDispose]()
  })
  const source = fromGoogleSecretManager(secret, { endpoint: google.address })
  const load = async (): Promise<LoadedCredentials> => source.load({ signal })
  return { google, source, load }
}

function add(google: GoogleServer, password: string): void {
  google.add(secret, { username: 'app', password })
}

const pair = (number: number) => ({ user: 'app', password: `pw ${number}`, version: `${number}` })

test('the newest version comes with its number, and with the one before it, which is asked for once', async () => {
  const { google, load } = await open()
  add(google, 'pw 1')
  expect(await load()).toEqual({ ...pair(1), previous: undefined })
  add(google, 'pw 2')
  expect(await load()).toEqual({ ...pair(2), previous: pair(1) })
  google.asked.length = 0
  expect(await load()).toEqual({ ...pair(2), previous: pair(1) })
  expect(google.asked).toEqual([`${secret}/versions/2:access`, `${secret}/versions/3:access`])
})

test('what `latest` does not know yet is found by its number', async () => {
  const { google, load } = await open()
  add(google, 'pw 1')
  google.latestKnows = 1
  add(google, 'pw 2')
  expect(await load()).toMatchObject(pair(2))
  add(google, 'pw 3')
  add(google, 'pw 4')
  expect(await load()).toMatchObject(pair(4))
  expect(google.asked.filter((path) => path.includes('latest'))).toHaveLength(1)
})

test('a version that is disabled or destroyed is passed over, also where it was in use', async () => {
  const { google, load } = await open()
  for (const number of [1, 2, 3]) add(google, `pw ${number}`)
  google.set(secret, 2, 'DESTROYED')
  expect(await load()).toEqual({ ...pair(3), previous: undefined })
  google.set(secret, 2, 'ENABLED')
  google.set(secret, 3, 'DISABLED')
  expect(await load()).toMatchObject(pair(2))
  add(google, 'pw 4')
  google.set(secret, 4, 'DISABLED')
  add(google, 'pw 5')
  expect(await load()).toMatchObject(pair(5))
})

test('a version before it that is no pair is no reason to refuse the newest', async () => {
  const { google, load } = await open()
  google.add(secret, { username: 'app' })
  add(google, 'pw 2')
  expect(await load()).toEqual({ ...pair(2), previous: undefined })
})

test('where the newest that is in use is disabled, it serves on until the server refuses it', async () => {
  const { google, source } = await open()
  add(google, 'pw 1')
  add(google, 'pw 2')
  await using cache = createCredentials(source, { overlap: 3_600_000 })
  await cache.get()
  google.set(secret, 2, 'DISABLED')
  expect(await cache.refresh()).toMatchObject({ version: '2' })
  cache.invalidate('2')
  await until('the version before it', () => cache.current?.version === '1')
})

test('a process starts while the latest version is disabled if it may list, and else says what is wrong', async () => {
  const { google, load } = await open()
  add(google, 'pw 1')
  add(google, 'pw 2')
  google.set(secret, 2, 'DISABLED')
  const error = { code: 'ERR_REKEY_LOAD', given: 'not found', option: secret }
  const message: unknown = expect.stringContaining('no version of it is enabled')
  await expect(load()).rejects.toMatchObject({ ...error, message })
  google.mayList = true
  expect(await load()).toMatchObject(pair(1))
  google.set(secret, 1, 'DESTROYED')
  await expect(load()).rejects.toMatchObject({ ...error, message })
})

test('a secret that is not there, or may not be read, is told as forbidden: Google does not say which', async () => {
  const { load } = await open()
  await expect(load()).rejects.toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'forbidden' })
})

test('a workload that cannot prove itself is told as forbidden, and shows no token', async () => {
  const { google, load } = await open()
  add(google, 'pw 1')
  Object.assign(google, { subjectToken: 'another' })
  await expect(load()).rejects.toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'forbidden' })
})

test('three rotations under load, no request fails', async () => {
  const { google, source } = await open()
  await goTheWholeWay({
    source,
    publish: async ({ user, password }) => google.add(secret, { username: user, password }),
  })
})

test('three rotations under load, told by Pub/Sub before `latest` knows, no request fails', async () => {
  const { google, source } = await open()
  const hook = webhook('token')
  const push = (): void => {
    const request = { method: 'POST', headers: { authorization: 'Bearer token' }, resume() {} }
    hook.handler(request as never, { writeHead() {}, end() {} } as never)
  }
  await goTheWholeWay({
    source: notifiedBy(source, hook.channel, { spread: 20 }),
    // Polled too seldom for this test.
    timings: { overlap: 24 * 3_600_000, ttl: 3_600_000 },
    publish: async ({ user, password }) => {
      google.add(secret, { username: user, password })
      google.latestKnows = 1
      push()
    },
  })
})
