import { expect, test } from 'vitest'
import { createCredentials, fromEnv } from '../../src/index.ts'
import { listen, rejection } from '../listen.ts'

const names = { user: 'DB_USER', password: 'DB_PASSWORD' }

test('the variables are read anew at each refresh', async () => {
  const env: NodeJS.ProcessEnv = { DB_USER: 'a', DB_PASSWORD: 'pw-a' }
  await using cache = createCredentials(fromEnv(names, env), { overlap: 60_000 })
  expect(await cache.get()).toMatchObject({ user: 'a', versionDerived: true })
  Object.assign(env, { DB_USER: 'b', DB_PASSWORD: 'pw-b' })
  const { user, password } = await cache.refresh()
  expect([user, password.reveal()]).toEqual(['b', 'pw-b'])
})

test('the environment of the process is the default', async () => {
  process.env['REKEY_TEST_USER'] = 'app'
  process.env['REKEY_TEST_PASSWORD'] = 'pw'
  const source = fromEnv({ user: 'REKEY_TEST_USER', password: 'REKEY_TEST_PASSWORD' })
  expect(source.load({ signal: AbortSignal.abort() })).toEqual({ user: 'app', password: 'pw' })
})

test.each([
  ['not set', undefined],
  ['empty', ''],
])('a variable that is %s fails the load, with its name', async (given, value) => {
  listen('rekey:refresh-error')
  const source = fromEnv(names, { DB_USER: 'app', DB_PASSWORD: value })
  await using cache = createCredentials(source, { overlap: 60_000 })
  expect(await rejection(cache.get())).toMatchObject({
    code: 'ERR_REKEY_ANSWER',
    option: 'DB_PASSWORD',
    given,
    message: `The environment variable DB_PASSWORD is ${given}; it must hold the password.`,
  })
})

test.each([
  [undefined, 'user'],
  [null, 'user'],
  [{ user: 'U' }, 'password'],
  [{ user: '', password: 'P' }, 'user'],
  [{ user: 'U', password: 5 }, 'password'],
])('names like %j are refused at once', (given, option) => {
  expect(() => fromEnv(given as typeof names)).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }),
  )
})
