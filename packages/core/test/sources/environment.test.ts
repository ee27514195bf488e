import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
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
  vi.stubEnv('REKEY_TEST_USER', 'app')
  vi.stubEnv('REKEY_TEST_PASSWORD', 'pw')
  onTestFinished(() => void vi.unstubAllEnvs())
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

test('where the user is not set, that is told too, and the last good pair serves on', async () => {
  const env: NodeJS.ProcessEnv = { DB_USER: 'app', DB_PASSWORD: 'pw' }
  await using cache = createCredentials(fromEnv(names, env), { overlap: 60_000 })
  const first = await cache.get()
  delete env['DB_USER']
  listen('rekey:refresh-error')
  const missing = { code: 'ERR_REKEY_ANSWER', option: 'DB_USER', given: 'not set' }
  expect(await rejection(cache.refresh())).toMatchObject(missing)
  expect(cache.current).toBe(first)
})

test.each([
  ['PG*', { PGUSER: 'app', PGPASSWORD: 'pw' }, { user: 'app', password: 'pw' }],
  ['MYSQL_*', { MYSQL_USER: 'app', MYSQL_PASSWORD: 'pw' }, { user: 'app', password: 'pw' }],
  ['REDIS_URL', { REDIS_URL: 'redis://app:p%40w@host:6379/0' }, { user: 'app', password: 'p@w' }],
  ['REDIS_URL', { REDIS_URL: 'rediss://:pw@host' }, { user: 'default', password: 'pw' }],
] as const)('%s is read as the tools of its database read it', (variables, env, pair) => {
  expect(fromEnv(variables, env).load({ signal: AbortSignal.abort() })).toEqual(pair)
})

test.each([
  ['no URL', 'hunter2'],
  ['a URL that is badly encoded', 'redis://app:hunter2%@host'],
  ['a URL without a password', 'redis://host'],
])('a REDIS_URL that is %s is refused without a word of it', async (_what, REDIS_URL) => {
  listen('rekey:refresh-error')
  await using cache = createCredentials(fromEnv('REDIS_URL', { REDIS_URL }), { overlap: 60_000 })
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each([
  ['DB_*' as never, 'user'],
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
