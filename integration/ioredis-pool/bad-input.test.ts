import { createCredentials, fromFunction, RekeyError, type CredentialsCache } from '@rekey/core'
import { createPool, createRedisPool, rotatingFactory } from '@rekey/ioredis/pool'
import { expect, test } from 'vitest'

const secret = 'hunter2-hunter2'
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap: 60_000 },
)
const factory = { create: async () => ({}), destroy: async () => {} }

const redis =
  (redisOptions: unknown, poolOptions: unknown = {}, cache: unknown = credentials) =>
  (): unknown =>
    createRedisPool(cache as CredentialsCache, redisOptions as object, poolOptions as object)
const pool = (options: unknown) => (): unknown =>
  createPool(rotatingFactory(credentials, factory), options as object)
const made =
  (given: unknown, cache: unknown = credentials) =>
  (): unknown =>
    rotatingFactory(cache as CredentialsCache, given as typeof factory)

const cases: Record<string, [act: () => unknown, code: string, option: string]> = {
  'credentials that are a pair': [
    redis({}, {}, { user: 'app', password: secret }),
    'ERR_REKEY_OPTION',
    'credentials',
  ],
  'credentials that are missing': [redis({}, {}, null), 'ERR_REKEY_OPTION', 'credentials'],
  'a factory with credentials that are a password': [
    made(factory, secret),
    'ERR_REKEY_OPTION',
    'credentials',
  ],
  'a username beside credentials': [redis({ username: 'app' }), 'ERR_REKEY_CONFLICT', 'username'],
  'a password beside credentials': [redis({ password: secret }), 'ERR_REKEY_CONFLICT', 'password'],
  'a URL with a password': [
    redis(`redis://:${secret}@localhost:6379`),
    'ERR_REKEY_CONFLICT',
    'password',
  ],
  'a URL with a user': [
    redis(`rediss://app:${secret}@localhost:6379/0`),
    'ERR_REKEY_CONFLICT',
    'username',
  ],
  'a URL with a password in its query': [
    redis(`redis://localhost?password=${secret}`),
    'ERR_REKEY_CONFLICT',
    'password',
  ],
  'options that are a port': [redis(6379), 'ERR_REKEY_OPTION', 'redisOptions'],
  'options that are null': [redis(null), 'ERR_REKEY_OPTION', 'redisOptions'],
  'a max that is no number': [redis({}, { max: 'many' }), 'ERR_REKEY_OPTION', 'max'],
  'a max of 0': [pool({ max: 0 }), 'ERR_REKEY_OPTION', 'max'],
  'a max that is not whole': [pool({ max: 1.5 }), 'ERR_REKEY_OPTION', 'max'],
  'a min below 0': [pool({ min: -1 }), 'ERR_REKEY_OPTION', 'min'],
  'pool options that are a number': [pool(10), 'ERR_REKEY_OPTION', 'poolOptions'],
  'a rotation that is no object': [pool({ rotation: 'fast' }), 'ERR_REKEY_OPTION', 'rotation'],
  'an atOnce of 0': [pool({ rotation: { atOnce: 0 } }), 'ERR_REKEY_OPTION', 'rotation.atOnce'],
  'a spread that does not fit': [
    pool({ rotation: { spread: 60_000 } }),
    'ERR_REKEY_BUDGET',
    'rotation.spread',
  ],
  'no factory': [made(undefined), 'ERR_REKEY_OPTION', 'factory'],
  'a factory without create': [
    made({ destroy: factory.destroy }),
    'ERR_REKEY_OPTION',
    'factory.create',
  ],
  'a factory whose refused is no function': [
    made({ ...factory, refused: true }),
    'ERR_REKEY_OPTION',
    'factory.refused',
  ],
}

for (const [name, [act, code, option]] of Object.entries(cases)) {
  test(`${name} is refused at construction`, () => {
    let error: unknown
    try {
      act()
    } catch (thrown) {
      error = thrown
    }
    if (!(error instanceof RekeyError)) throw new Error('It was not refused', { cause: error })
    expect([error.code, error.option]).toEqual([code, option])
    expect(JSON.stringify([error.message, error.given, error.allowed])).not.toContain(secret)
  })
}
