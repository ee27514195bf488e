import { createCredentials, fromFunction, type RekeyError } from '@rekey/core'
import { Cluster, Redis } from '@rekey/ioredis'
import { createRedisPool } from '@rekey/ioredis/pool'
import { Redis as DriverRedis } from 'ioredis'
import { describe, expect, test } from 'vitest'

const secret = 'hunter2-hunter2'
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap: 60_000 },
)
const lazyConnect = true

/** Every form in which the driver takes a user name or a password. */
const withLogin = [
  `redis://:${secret}@localhost`,
  `redis://app:${secret}@localhost:6379/0`,
  `REDISS://app@localhost`,
  `redis://localhost?password=${secret}`,
  'redis://localhost/0?username=app',
  `app:${secret}@localhost:6379`,
  `:${secret}@localhost`,
  `localhost:6379?password=${secret}`,
  `//:${secret}@localhost:6379`,
  `//localhost?password=${secret}`,
  `/tmp/redis.sock?password=${secret}`,
]

const withoutLogin = [
  'redis://localhost:7000/2',
  'rediss://localhost?family=4',
  'localhost:7000',
  '//localhost:7000',
  'localhost',
  '/tmp/redis.sock?db=2',
  '7000',
]

const ways: [string, option: string, (url: string) => unknown][] = [
  ['Redis', 'url', (url) => new Redis(url, { credentials, lazyConnect })],
  [
    'Redis.createClient',
    'url',
    (url) => Redis.createClient(...([url, { credentials, lazyConnect }] as unknown as [])),
  ],
  ['Redis, as its host', 'url', (url) => new Redis(6379, url, { credentials, lazyConnect })],
  ['Cluster', 'startupNodes[1]', (url) => new Cluster(['h', url], { credentials, lazyConnect })],
  ['createRedisPool', '(password|username)', (url) => createRedisPool(credentials, url)],
]

describe.each(withLogin)('%s', (url) => {
  test('is a URL from which the driver takes a login', () => {
    const { username, password } = new DriverRedis(url, { lazyConnect }).options
    expect([username, password].some(Boolean)).toBe(true)
  })

  test.each(ways)('is refused beside credentials by %s', (_, option, make) => {
    let error: unknown
    try {
      make(url)
    } catch (thrown) {
      error = thrown
    }
    const { code, option: named, message, given, allowed } = error as RekeyError
    expect(code).toBe('ERR_REKEY_CONFLICT')
    expect(named).toMatch(new RegExp(`^${option.replaceAll(/[[\]]/g, '\\$&')}$`))
    expect(JSON.stringify([message, given, allowed])).not.toContain(secret)
  })
})

describe.each(withoutLogin)('%s', (url) => {
  test.each(ways)('is taken beside credentials by %s', (_, __, make) => {
    make(url)
  })
})
