import { createCredentials, fromFunction, type RekeyError } from '@rekey/core'
import { Cluster as DriverCluster, Redis as DriverRedis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { Cluster, Redis, rotatingRedisOptions, type RedisOptions } from '../src/index.ts'
import { createRedisPool } from '../src/pool/index.ts'

const secret = 'correct horse battery staple'
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap: 60_000 },
)

const ways: Record<string, (options: RedisOptions) => unknown> = {
  Redis: (options) => new Redis({ lazyConnect: true, ...options }),
  'Redis.createClient': (options) => Redis.createClient({ lazyConnect: true, ...options }),
  rotatingRedisOptions: ({ credentials: given, ...options }) =>
    rotatingRedisOptions(given as never, options),
}

function refusal(make: () => unknown): Partial<RekeyError> {
  try {
    make()
  } catch (error) {
    const { code, option, given, allowed, message } = error as RekeyError
    expect(JSON.stringify([message, given, allowed])).not.toContain(secret)
    return { code, option, given, allowed }
  }
  throw new Error('It was taken.')
}

describe.each(Object.entries(ways))('%s', (_, make) => {
  test.each<[string, RedisOptions, Partial<RekeyError>]>([
    ['a password', { password: secret }, { code: 'ERR_REKEY_CONFLICT', option: 'password' }],
    ['a user name', { username: 'app' }, { code: 'ERR_REKEY_CONFLICT', option: 'username' }],
    [
      'a rotation that is none',
      { rotation: 'fast' as never },
      { code: 'ERR_REKEY_OPTION', option: 'rotation', given: "'fast'" },
    ],
    [
      'a spread that does not fit',
      { rotation: { spread: 60_000 } },
      { code: 'ERR_REKEY_BUDGET', option: 'rotation.spread' },
    ],
    [
      'none at once',
      { rotation: { atOnce: 0 } },
      { code: 'ERR_REKEY_OPTION', option: 'rotation.atOnce', given: '0' },
    ],
    [
      'a service that is unknown',
      { rotation: { reauthenticate: 'hourly' as never } },
      { code: 'ERR_REKEY_OPTION', option: 'rotation.reauthenticate', given: "'hourly'" },
    ],
    [
      'a limit that is none',
      { rotation: { reauthenticate: { sessionLimit: 0 } } },
      { code: 'ERR_REKEY_OPTION', option: 'rotation.reauthenticate' },
    ],
  ])('refuses %s beside credentials', (__, options, expected) => {
    expect(refusal(() => make({ credentials, ...options }))).toMatchObject(expected)
  })

  test.each([null, secret, { user: 'app', password: secret }])(
    'refuses credentials that are not a cache: %#',
    (given) => {
      expect(refusal(() => make({ credentials: given as never }))).toMatchObject({
        code: 'ERR_REKEY_OPTION',
        option: 'credentials',
      })
    },
  )
})

test('Redis takes a URL without a user name and a password', () => {
  const redis = new Redis('redis://localhost:7000/2', { credentials, lazyConnect: true })
  expect(redis.options).toMatchObject({ host: 'localhost', port: 7000, db: 2 })
  redis.disconnect()
})

test.each([
  ['a password', `redis://:${secret}@localhost`],
  ['a user name', 'redis://app@localhost'],
])('rotatingRedisOptions refuses a URL of BullMQ with %s beside credentials', (_, url) => {
  expect(refusal(() => rotatingRedisOptions(credentials, { url } as object))).toMatchObject({
    code: 'ERR_REKEY_CONFLICT',
    option: 'url',
  })
  const without: object = { url: 'redis://localhost:7000' }
  expect(rotatingRedisOptions(credentials, without)).toMatchObject(without)
})

test.each<[string, ConstructorParameters<typeof Cluster>, string]>([
  [
    'a password for its nodes',
    [[{}], { redisOptions: { password: secret } }],
    'redisOptions.password',
  ],
  [
    'a start-up node with a password',
    [[{}, { password: secret } as never]],
    'startupNodes[1].password',
  ],
])('Cluster refuses %s beside credentials', (_, [nodes, options], option) => {
  const make = (): unknown => new Cluster(nodes, { credentials, lazyConnect: true, ...options })
  expect(refusal(make)).toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
})

test.each([[[]], [null], [undefined]])(
  'Cluster says of start-up nodes that are %j what the driver says, and when it does',
  async (nodes) => {
    const options = { lazyConnect: true, clusterRetryStrategy: () => null }
    const clusters = [
      new DriverCluster(nodes as never, options),
      new Cluster(nodes as never, { ...options, credentials }),
    ]
    for (const cluster of clusters) {
      await expect(cluster.connect()).rejects.toThrow('should contain at least one node')
    }
  },
)

describe('an ioredis that is older than 5.4', () => {
  test.each<[string, () => unknown]>([
    ...Object.entries(ways).map<[string, () => unknown]>(([name, make]) => [
      name,
      () => make({ credentials }),
    ]),
    ['Cluster', () => new Cluster([{}], { credentials, lazyConnect: true })],
    ['createRedisPool', () => createRedisPool(credentials)],
  ])('%s is refused', (_, make) => {
    const { prototype } = DriverRedis as unknown as { prototype: object }
    const newer = Object.getOwnPropertyDescriptor(prototype, 'setSocketTimeout')!
    Reflect.deleteProperty(prototype, 'setSocketTimeout')
    try {
      expect(refusal(make)).toMatchObject({
        code: 'ERR_REKEY_DRIVER',
        option: 'credentials',
        allowed: 'ioredis 5.4 or later',
      })
    } finally {
      Object.defineProperty(prototype, 'setSocketTimeout', newer)
    }
  })
})
