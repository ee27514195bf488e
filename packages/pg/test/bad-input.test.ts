import { inspect } from 'node:util'
import { createCredentials, fromFunction, RekeyError, type CredentialsCache } from '@rekey/core'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attachRotation, Client, Pool, poolConfig, rotatingPg } from '../src/index.ts'
import { mikroOrmRotation } from '../src/mikro-orm.ts'

const secret = 'hunter2-hunter2'
const overlap = 60_000
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap },
)

const server = { host: 'db.internal', database: 'app' }

/** Everything that takes a configuration beside credentials. */
const takers: Record<string, (config: object) => unknown> = {
  'new Pool': (config) => new Pool({ ...config, credentials }),
  'new Client': (config) => new Client({ ...config, credentials }),
  poolConfig: (config) => poolConfig(credentials, config),
  'Pool of rotatingPg': (config) => new (rotatingPg(credentials).Pool)(config),
  'Client of rotatingPg': (config) => new (rotatingPg(credentials).Client)(config),
}

/** Those of them that make a pool. */
const { 'new Client': _, 'Client of rotatingPg': __, ...poolTakers } = takers

/** What a call throws, which must tell what is wrong, and no secret. */
function refusalOf(call: () => unknown): RekeyError {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(RekeyError)
  const error = thrown as RekeyError
  expect(error.message).not.toBe('')
  expect(error.given).toBeTypeOf('string')
  expect(error.allowed).toBeTypeOf('string')
  const shown = [inspect(error, { depth: 9 }), JSON.stringify(error), error.message, error.stack]
  for (const text of shown) expect(text).not.toContain(secret)
  return error
}

const noLogin = ['PGUSER', 'PGPASSWORD', 'PGDATABASE', 'PGHOST', 'PGPORT']
beforeEach(() => noLogin.forEach((name) => vi.stubEnv(name, undefined)))
afterEach(() => void vi.unstubAllEnvs())

describe.each(Object.entries(takers))('%s', (_name, take) => {
  test.each([
    ['a string', secret],
    ['a function', () => secret],
    ['an async function', async () => secret],
    ['a number', 5],
  ])('a password that is %s is a conflict', (_what, password) => {
    expect(refusalOf(() => take({ ...server, password }))).toMatchObject({
      code: 'ERR_REKEY_CONFLICT',
      option: 'password',
    })
  })

  test.each([
    `postgres://app:${secret}@db.internal/app`,
    `postgresql://app:${secret}@db.internal:5432/app?sslmode=disable`,
    `postgres://:${secret}@db.internal/app`,
    `postgres://app:${secret}%40%2F%3A@db.internal/app`,
    `postgres://app:${secret} with spaces@db.internal/app`,
    `postgres://app:${secret}%zz@db.internal/app`,
    `postgres://app:${secret}@[::1]:5432/app`,
    `postgres://app:${secret}@/app`,
    `postgres://app:${secret}@%2Fvar%2Frun%2Fpostgresql/app`,
    `postgres://db.internal/app?password=${secret}`,
    `postgres://app@db.internal/app?user=app&password=${secret}`,
    `postgres:///app?host=/var/run/postgresql&password=${secret}`,
    `socket:/var/run/postgresql?db=app&password=${secret}`,
    `socket://app:${secret}@/var/run/postgresql?db=app`,
    `app?password=${secret}`,
  ])('a password in %s is a conflict', (connectionString) => {
    expect(refusalOf(() => take({ connectionString }))).toMatchObject({
      code: 'ERR_REKEY_CONFLICT',
      option: 'connectionString',
    })
  })

  test.each([
    `postgres://app:${secret}#@db.internal/app`,
    `postgres://app:${secret}/@db.internal/app`,
    { url: secret },
    () => secret,
  ])('a connection string that cannot be read is refused, and not shown', (connectionString) => {
    expect(refusalOf(() => take({ connectionString }))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'connectionString',
    })
  })

  test.each([
    'postgres://db.internal/app',
    'postgres://app@db.internal/app',
    'postgres://app:@db.internal/app',
    'postgres://app@/app?host=/var/run/postgresql',
    'postgres://db.internal/app?password=',
    'socket:/var/run/postgresql?db=app',
    '/var/run/postgresql app',
  ])('%s is fine', (connectionString) => {
    expect(() => take({ connectionString })).not.toThrow()
  })

  test.each([
    ['nothing', {}],
    ['a host', { host: 'db.internal' }],
    ['an empty name', { host: 'db.internal', database: '' }],
    ['a URL without a path', { connectionString: 'postgres://db.internal' }],
    ['a URL with an empty path', { connectionString: 'postgres://db.internal/' }],
    // The driver lets the URL hide the option.
    ['an option hidden by a URL', { connectionString: 'postgres://db.internal', database: 'app' }],
    ['a socket without a name', { connectionString: '/var/run/postgresql' }],
  ])('a database is missing where %s is given', (_what, config) => {
    expect(refusalOf(() => take(config))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'database',
    })
  })

  test.each(['PGDATABASE', 'PGUSER'])('a database from %s is fine', (name) => {
    vi.stubEnv(name, 'app')
    expect(() => take({ host: 'db.internal' })).not.toThrow()
  })

  test('a database from the defaults of the driver is fine', () => {
    pg.defaults.database = 'app'
    try {
      expect(() => take({})).not.toThrow()
    } finally {
      delete pg.defaults.database
    }
  })

  test('a user names the database, and does not log in', () => {
    expect(() => take({ host: 'db.internal', user: 'app' })).not.toThrow()
  })
})

const sizes = [0, -1, 1.5, Number.NaN, Infinity, '0', '-1', 'many', '', ' ', true, {}, []]

describe.each(Object.entries(poolTakers))('%s', (_name, take) => {
  test.each(sizes)('a max of %j is refused', (max) => {
    expect(refusalOf(() => take({ ...server, max }))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'max',
    })
  })

  test.each(sizes)('a poolSize of %j is refused', (poolSize) => {
    expect(refusalOf(() => take({ ...server, poolSize }))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'poolSize',
    })
  })

  test.each([1, 20, '5', undefined, null])('a max of %j is fine', (max) => {
    expect(() => take({ ...server, max })).not.toThrow()
  })
})

describe('credentials that are not a cache', () => {
  const notCaches: [string, unknown][] = [
    ['null', null],
    ['a string', secret],
    ['an empty string', ''],
    ['a number', 0],
    ['false', false],
    ['an object', { user: 'app', password: secret }],
    ['a function', () => ({ user: 'app', password: secret })],
    ['a promise', Promise.resolve(credentials)],
    ['a source', fromFunction(() => ({ user: 'app', password: secret }))],
  ]
  const expected = { code: 'ERR_REKEY_OPTION', option: 'credentials' }

  test.each(notCaches)('%s is refused everywhere', (_what, given) => {
    const wrong = given as CredentialsCache
    const calls = [
      () => new Pool({ ...server, credentials: wrong }),
      () => new Client({ ...server, credentials: wrong }),
      () => poolConfig(wrong, server),
      () => rotatingPg(wrong),
      () => attachRotation(new pg.Pool(server), wrong),
      () => mikroOrmRotation(wrong, {}),
    ]
    for (const call of calls) expect(refusalOf(call)).toMatchObject(expected)
  })

  test('undefined is refused where credentials are an argument', () => {
    const wrong = undefined as unknown as CredentialsCache
    const calls = [
      () => poolConfig(wrong, server),
      () => rotatingPg(wrong),
      () => attachRotation(new pg.Pool(server), wrong),
      () => mikroOrmRotation(wrong, {}),
    ]
    for (const call of calls) expect(refusalOf(call)).toMatchObject(expected)
  })

  test('without credentials nothing is checked: the driver’s own input is the driver’s', () => {
    const config = { password: () => secret, max: 0, connectionString: 'postgres://a:b@c' }
    expect(() => new Pool(config)).not.toThrow()
    expect(() => new Client(config)).not.toThrow()
    expect(() => new Pool()).not.toThrow()
    expect(() => new Pool(null as never)).not.toThrow()
    expect(() => new Client('postgres://a:b@c')).not.toThrow()
    expect(() => new Client(null as never)).not.toThrow()
  })
})

describe('rotation', () => {
  const rotations: Record<string, (rotation: object) => unknown> = {
    'new Pool': (rotation) => new Pool({ ...server, credentials, rotation }),
    attachRotation: (rotation) => attachRotation(new pg.Pool(server), credentials, rotation),
    mikroOrmRotation: (rotation) =>
      mikroOrmRotation(credentials, {}, rotation).driverOptions.onPoolCreated(new pg.Pool(server)),
  }

  describe.each(Object.entries(rotations))('%s', (_name, take) => {
    test.each([
      ['atOnce', [0, -1, 1.5, Number.NaN, Infinity, '2']],
      ['surge', [-1, 0.5, Number.NaN, Infinity, '1']],
      ['maxRefusals', [0, -1, 1.5, Number.NaN, Infinity, '2']],
      ['spread', [-1, Number.NaN, Infinity, '5000']],
      ['drainDeadline', [-1, Number.NaN, Infinity, '5000']],
      ['closeDeadline', [-1, Number.NaN, Infinity, '5000']],
      ['atDrainDeadline', ['kill', '', 5, {}]],
    ])('%s out of range is refused', (option, values) => {
      for (const value of values) {
        expect(refusalOf(() => take({ [option]: value }))).toMatchObject({
          code: 'ERR_REKEY_OPTION',
          option: `rotation.${option}`,
        })
      }
    })

    test('a spread that does not fit into the overlap window is refused with the sum', () => {
      const error = refusalOf(() => take({ spread: 50_000, drainDeadline: 10_000 }))
      expect(error.code).toBe('ERR_REKEY_BUDGET')
      // 60 s of overlap: 15 s of ttl, a tenth of that as jitter, a twentieth of the window for a load and a login each.
      for (const [term, milliseconds] of [
        ['ttl', 15_000],
        ['jitter', 1_500],
        ['loadDeadline', 3_000],
        ['loginDeadline', 3_000],
        ['spread', 50_000],
        ['drainDeadline', 10_000],
        ['sum', 82_500],
      ] as const) {
        expect(error.message).toMatch(new RegExp(`\\b${term}\\s+${milliseconds}\\b`))
      }
      expect(error.message).toContain(`${overlap} ms`)
    })
  })

  test.each([null, 5, 'fast', true])('a rotation that is %j is refused', (rotation) => {
    const config = { ...server, credentials, rotation: rotation as never }
    expect(refusalOf(() => new Pool(config))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'rotation',
    })
  })
})

describe('attachRotation', () => {
  test.each([undefined, null, 5, 'pool', {}, [], new Map(), new pg.Client(), { connect() {} }])(
    '%s is no pool',
    (pool) => {
      expect(refusalOf(() => attachRotation(pool as never, credentials))).toMatchObject({
        code: 'ERR_REKEY_DRIVER',
        option: 'pool',
      })
    },
  )

  test('a pool that has ended is refused', async () => {
    const pool = new pg.Pool(server)
    await pool.end()
    expect(refusalOf(() => attachRotation(pool, credentials))).toMatchObject({
      code: 'ERR_REKEY_DRIVER',
      option: 'pool',
    })
  })

  test.each([
    ['a Pool of ours', () => new Pool({ ...server, credentials })],
    [
      'one that is attached already',
      () => {
        const pool = new pg.Pool(server)
        attachRotation(pool, credentials)
        return pool
      },
    ],
  ])('a pool that rotates already is refused: %s', (_what, make) => {
    const pool = make()
    expect(refusalOf(() => attachRotation(pool, credentials))).toMatchObject({
      code: 'ERR_REKEY_DRIVER',
      option: 'pool',
    })
  })

  test('a refused pool stays as it was', () => {
    const pool = new pg.Pool({ ...server, max: 0 })
    const before = Object.getOwnPropertyNames(pool)
    const { Client: clientBefore } = pool as unknown as { Client: unknown }
    refusalOf(() => attachRotation(pool, credentials, { atOnce: 0 }))
    refusalOf(() => attachRotation(pool, secret as never))
    expect(Object.getOwnPropertyNames(pool)).toEqual(before)
    expect((pool as unknown as { Client: unknown }).Client).toBe(clientBefore)
    expect('Client' in pool.options).toBe(false)
  })

  test('a pool that was built with a password is fine, in its options or in its URL', () => {
    const connectionString = `postgres://old:${secret}@db.internal/app`
    expect(() => attachRotation(new pg.Pool({ connectionString }), credentials)).not.toThrow()
    const pool = new pg.Pool({ ...server, user: 'old', password: secret })
    expect(() => attachRotation(pool, credentials)).not.toThrow()
  })
})

describe('options of MikroORM', () => {
  test.each([
    ['a password', { password: secret }, 'ERR_REKEY_CONFLICT', 'password'],
    ['a function for one', { password: () => secret }, 'ERR_REKEY_CONFLICT', 'password'],
    [
      'a URL with one',
      { clientUrl: `postgres://app:${secret}@db.internal/app` },
      'ERR_REKEY_CONFLICT',
      'clientUrl',
    ],
    [
      'a URL that is none',
      { clientUrl: `postgres://${secret}:no` },
      'ERR_REKEY_OPTION',
      'clientUrl',
    ],
    ['a dialect', { driverOptions: new Map() }, 'ERR_REKEY_OPTION', 'driverOptions'],
    ['a function', { driverOptions: () => ({}) }, 'ERR_REKEY_OPTION', 'driverOptions'],
    [
      'settings of Knex that rotate by themselves',
      { driverOptions: { connection: () => ({}) } },
      'ERR_REKEY_OPTION',
      'driverOptions',
    ],
  ])('%s is refused', (_what, given, code, option) => {
    const options = { host: 'db.internal', dbName: 'app', ...given }
    expect(refusalOf(() => mikroOrmRotation(credentials, options))).toMatchObject({ code, option })
  })

  test.each([undefined, null, '', 'postgres://db.internal/app'])('%j is none', (given) => {
    expect(refusalOf(() => mikroOrmRotation(credentials, given as never))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'options',
    })
  })

  test('their own hook is called, with a pool that rotates', () => {
    const seen: unknown[] = []
    const driverOptions = { onPoolCreated: (pool: unknown) => seen.push(pool) }
    const options = mikroOrmRotation(credentials, { dbName: 'app', driverOptions })
    const pool = new pg.Pool(server)
    options.driverOptions.onPoolCreated(pool)
    expect(seen).toEqual([pool])
  })
})

test('the client of pg-native is refused, because nobody can see its sockets', () => {
  class Native extends pg.Client {
    isConnected(): boolean {
      return true
    }
  }
  const config = { ...server, Client: Native }
  for (const call of [
    () => new Pool({ ...config, credentials }),
    () => poolConfig(credentials, config),
  ]) {
    expect(refusalOf(call)).toMatchObject({ code: 'ERR_REKEY_DRIVER', option: 'Client' })
  }
})
