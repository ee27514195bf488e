import { createCredentials, fromFunction, RekeyError, type CredentialsCache } from '@rekey/core'
import { describe, expect, test } from 'vitest'
import type { PoolInternals } from '../src/driver.ts'
import { mikroOrmRotation, type MikroOrmOptions } from '../src/mikro-orm.ts'
import type { RotatingPool } from '../src/pool.ts'

const secret = 'hunter2-hunter2'
const overlap = 60_000
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap },
)
const server = { host: 'db.internal', dbName: 'app' }

/** A dialect that keeps what it is made with. */
function dialect() {
  const made: { pool: () => Promise<RotatingPool> }[] = []
  class MysqlDialect {
    constructor(config: { pool: () => Promise<RotatingPool> }) {
      made.push(config)
    }
    createDriver = () => ({})
    createQueryCompiler = () => ({})
    createAdapter = () => ({})
    createIntrospector = () => ({})
  }
  return { MysqlDialect, made }
}

const { MysqlDialect } = dialect()

/** The helper for each version. */
const versions: Record<string, (options: MikroOrmOptions, rotation?: object) => object> = {
  'MikroORM 7': (options, rotation) =>
    mikroOrmRotation(credentials, options, { MysqlDialect, ...rotation }),
  'MikroORM 6': (options, rotation) => mikroOrmRotation(credentials, options, rotation),
}

function refusalOf(call: () => unknown): RekeyError {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(RekeyError)
  const error = thrown as RekeyError
  expect(JSON.stringify([error, error.message, error.stack])).not.toContain(secret)
  return error
}

type Wrong = readonly [what: string, given: object, code: string, option: string]

describe.each(Object.entries(versions))('the helper for %s', (_version, help) => {
  test.each<Wrong>([
    ['a password', { password: secret }, 'ERR_REKEY_CONFLICT', 'password'],
    ['a function for one', { password: () => secret }, 'ERR_REKEY_CONFLICT', 'password'],
    [
      'a URL with one',
      { clientUrl: `mysql://app:${secret}@db.internal/app` },
      'ERR_REKEY_CONFLICT',
      'clientUrl',
    ],
    ['a URL that is none', { clientUrl: `app:${secret}` }, 'ERR_REKEY_OPTION', 'clientUrl'],
    ['replicas', { replicas: [{ host: 'other.internal' }] }, 'ERR_REKEY_OPTION', 'replicas'],
    [
      'a dialect',
      { driverOptions: new MysqlDialect({} as never) },
      'ERR_REKEY_OPTION',
      'driverOptions',
    ],
    ['a function', { driverOptions: () => ({}) }, 'ERR_REKEY_OPTION', 'driverOptions'],
    [
      'settings of Knex that rotate by themselves',
      { driverOptions: { connection: () => ({}) } },
      'ERR_REKEY_OPTION',
      'driverOptions',
    ],
  ])('refuses %s', (_what, given, code, option) => {
    expect(refusalOf(() => help({ ...server, ...given }))).toMatchObject({ code, option })
  })

  test.each([undefined, null, '', 'mysql://db.internal/app'])('refuses %j for options', (given) => {
    expect(refusalOf(() => help(given as never))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'options',
    })
  })

  test('refuses a rotation that does not fit into the overlap window', () => {
    expect(refusalOf(() => help(server, { spread: overlap })).code).toBe('ERR_REKEY_BUDGET')
  })

  test('leaves what it is given as it is', () => {
    const extension = { register() {} }
    const options = { ...server, entities: [], extensions: [extension] }
    expect(help(options)).toMatchObject({ ...server, entities: [], extensions: [extension, {}] })
    expect(options.extensions).toEqual([extension])
  })
})

test.each<Wrong>([
  ['7', { password: secret }, 'ERR_REKEY_CONFLICT', 'password'],
  ['6', { connection: { password: secret } }, 'ERR_REKEY_CONFLICT', 'password'],
])(
  'a password in driverOptions of MikroORM %s is refused',
  (version, driverOptions, code, option) => {
    const help = versions[`MikroORM ${version}`]
    expect(refusalOf(() => help?.({ ...server, driverOptions }))).toMatchObject({ code, option })
  },
)

test('credentials that are not a cache are refused', () => {
  const wrong = { user: 'app', password: secret } as unknown as CredentialsCache
  expect(refusalOf(() => mikroOrmRotation(wrong, server))).toMatchObject({ option: 'credentials' })
})

test.each([null, 'kysely', {}])('%j is no dialect', (wrong) => {
  const rotation = { MysqlDialect: wrong as unknown as typeof MysqlDialect }
  expect(refusalOf(() => mikroOrmRotation(credentials, server, rotation))).toMatchObject({
    code: 'ERR_REKEY_OPTION',
    option: 'MysqlDialect',
  })
})

test('MikroORM 6 may not keep idle connections for ever', () => {
  const pool = { min: 1, max: 3 }
  expect(refusalOf(() => mikroOrmRotation(credentials, { ...server, pool }))).toMatchObject({
    code: 'ERR_REKEY_OPTION',
    option: 'pool.min',
  })
})

const types = { supportBigNumbers: true, dateStrings: true }

test.each<[what: string, given: MikroOrmOptions, config: object, connectionConfig: object]>([
  [
    'a host alone',
    { ...server },
    { connectionLimit: 10 },
    { ...types, host: 'db.internal', port: 3306, database: 'app', timezone: 'Z' },
  ],
  [
    'a URL',
    { clientUrl: 'mysql://db.internal:3307/app', forceUtcTimezone: false },
    {},
    { host: 'db.internal', port: 3307, database: 'app', timezone: 'local' },
  ],
  [
    'what stands beside a URL',
    {
      clientUrl: 'mysql://db.internal:3307/app',
      host: 'h',
      port: 1,
      dbName: 'd',
      timezone: '+02:00',
    },
    {},
    { host: 'h', port: 1, database: 'd', timezone: '+02:00' },
  ],
  [
    'a pool',
    { ...server, pool: { min: 1, max: 3, idleTimeoutMillis: 1_000 } },
    { connectionLimit: 3, maxIdle: 1, idleTimeout: 1_000 },
    {},
  ],
  [
    'options of the driver',
    { ...server, pool: { max: 3 }, driverOptions: { connectionLimit: 5, dateStrings: false } },
    { connectionLimit: 5 },
    { dateStrings: false },
  ],
])('the pool for MikroORM 7 has %s', async (_what, given, config, connectionConfig) => {
  const { MysqlDialect: Dialect, made } = dialect()
  mikroOrmRotation(credentials, given, { MysqlDialect: Dialect })
  const pool = (await made[0]?.pool()) as RotatingPool & PoolInternals
  expect(pool.config).toMatchObject({ ...config, connectionConfig })
  pool.end()
})
