import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { inspect } from 'node:util'
import {
  createCredentials,
  fromFunction,
  RekeyError,
  type CredentialsCache,
  type Load,
  type LoadedCredentials,
} from '@rekey/core'
import { attachRotation, Client, Pool, poolConfig, rotatingPg } from '@rekey/pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hastyCache } from '../hasty-cache.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account, Place, Server } from '../servers/server.ts'
import { until } from '../until.ts'
import { called } from './three-ways.ts'

const secret = 'hunter2-hunter2'

let server: Server
let place: Place
let account: Account

beforeAll(async () => {
  server = await connectPostgres(await serverAddress('postgres'))
  place = await server.createPlace({ sessions: 10 })
  account = await place.createAccount()
})

afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const at = (): { host: string; port: number; database: string } => {
  const { host, port, database } = place
  return { host, port, database }
}

async function thenEnd<Result>(pool: pg.Pool, doing: Promise<Result>): Promise<Result> {
  try {
    return await doing
  } finally {
    await pool.end()
  }
}

/** Every way from a cache to a connection. */
const ways: Record<string, (credentials: CredentialsCache) => Promise<unknown>> = {
  'pool.connect': async (credentials) => {
    const pool = new Pool({ ...at(), credentials })
    return thenEnd(pool, pool.connect())
  },
  'pool.query': async (credentials) => {
    const pool = new Pool({ ...at(), credentials })
    return thenEnd(pool, pool.query('SELECT 1'))
  },
  'pool.connect with a callback': async (credentials) => {
    const pool = new Pool({ ...at(), credentials })
    const [error] = await called<[unknown]>((callback) => pool.connect(callback as never))
    await pool.end()
    throw error
  },
  'pool.query with a callback': async (credentials) => {
    const pool = new Pool({ ...at(), credentials })
    const [error] = await called<[unknown]>((callback) => pool.query('SELECT 1', callback as never))
    await pool.end()
    throw error
  },
  'client.connect': async (credentials) => new Client({ ...at(), credentials }).connect(),
  'client.connect with a callback': async (credentials) => {
    const client = new Client({ ...at(), credentials })
    throw (await called<[unknown]>((callback) => client.connect(callback as never)))[0]
  },
  'a pool of rotatingPg': async (credentials) => {
    const pool = new (rotatingPg(credentials).Pool)(at())
    return thenEnd(pool, pool.query('SELECT 1'))
  },
  'a pool with poolConfig': async (credentials) => {
    const pool = new pg.Pool(poolConfig(credentials, at()))
    return thenEnd(pool, pool.query('SELECT 1'))
  },
  'an attached pool': async (credentials) => {
    const pool = new pg.Pool({ ...at(), user: 'nobody', password: secret })
    attachRotation(pool, credentials)
    return thenEnd(pool, pool.query('SELECT 1'))
  },
}

/** The RekeyError that something fails with; it says what is wrong, and no secret. */
async function refusalOf(doing: Promise<unknown>): Promise<RekeyError> {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(RekeyError)
  const refusal = error as RekeyError
  for (const detail of [refusal.option, refusal.given, refusal.allowed]) {
    expect(detail).toBeTypeOf('string')
  }
  const { cause: _, ...own } = Object.assign({}, refusal)
  for (const text of [inspect(own), refusal.message, JSON.stringify(refusal)]) {
    expect(text).not.toContain(secret)
  }
  return refusal
}

const answers: [string, () => unknown, object][] = [
  ['nothing', () => undefined, { option: 'answer' }],
  ['null', () => null, { option: 'answer' }],
  ['a string', () => secret, { option: 'answer' }],
  ['no user', () => ({ password: secret }), { option: 'user' }],
  ['an empty user', () => ({ user: '', password: secret }), { option: 'user' }],
  ['no password', () => ({ user: 'app' }), { option: 'password' }],
  ['an empty password', () => ({ user: 'app', password: '' }), { option: 'password' }],
  ['a password that is a number', () => ({ user: 'app', password: 7 }), { option: 'password' }],
  [
    'a password that is an object',
    () => ({ user: 'app', password: { secret } }),
    { option: 'password' },
  ],
  [
    'an empty version',
    () => ({ user: 'app', password: secret, version: '' }),
    { option: 'version' },
  ],
  [
    'a bad expiry',
    () => ({ user: 'app', password: secret, expiresAt: 'soon' }),
    { option: 'expiresAt' },
  ],
]

describe.each(Object.entries(ways))('%s', (_name, connect) => {
  test.each(answers)('a source that answers %s', async (_what, answer, expected) => {
    await using credentials = hastyCache(answer as () => LoadedCredentials)
    expect(await refusalOf(connect(credentials))).toMatchObject({
      code: 'ERR_REKEY_ANSWER',
      ...expected,
    })
  })

  test('a source that never settles', async () => {
    await using credentials = hastyCache(() => new Promise(() => {}))
    expect(await refusalOf(connect(credentials))).toMatchObject({
      code: 'ERR_REKEY_LOAD_DEADLINE',
      option: 'loadDeadline',
    })
  })

  test.each<[string, Load, unknown]>([
    [
      'throws',
      () => {
        throw new Error('down')
      },
      { message: 'down' },
    ],
    ['rejects', async () => Promise.reject(new Error('down')), { message: 'down' }],
    ['rejects with a word', async () => Promise.reject('down'), 'down'],
    ['rejects with nothing', async () => Promise.reject(), undefined],
  ])('a source that %s', async (_what, load, cause) => {
    await using credentials = hastyCache(load)
    const refusal = await refusalOf(connect(credentials))
    expect(refusal).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'source' })
    expect(refusal.cause).toEqual(
      typeof cause === 'object' ? expect.objectContaining(cause) : cause,
    )
  })

  test('a cache that is closed', async () => {
    const credentials = hastyCache(() => account)
    await credentials.close()
    expect(await refusalOf(connect(credentials))).toMatchObject({
      code: 'ERR_REKEY_CLOSED',
      option: 'credentials',
    })
  })

  test('a password that the server refuses is the server’s error', async () => {
    await using credentials = hastyCache(() => ({ user: account.user, password: secret }))
    const error: unknown = await connect(credentials).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: '28P01' })
    expect(inspect(error)).not.toContain(secret)
  })
})

test('nothing of this has left a session behind', async () => {
  await until('the last session to end', async () => (await place.sessions()).length === 0)
})

test('a torn pair is not used: the pool goes on with the last good one, and it is said', async () => {
  const pair = { ...account, version: '1' }
  await using credentials = hastyCache(() => ({ ...pair }))
  const pool = new Pool({ ...at(), credentials, max: 1 })
  await pool.query('SELECT 1')
  const heard: unknown[] = []
  const listen = (message: unknown): void => void heard.push(message)
  subscribe('rekey:refresh-error', listen)
  pair.password = secret
  expect(await refusalOf(credentials.refresh())).toMatchObject({
    code: 'ERR_REKEY_ANSWER',
    option: 'version',
  })
  unsubscribe('rekey:refresh-error', listen)
  expect(heard).toMatchObject([
    { source: 'store', serving: '1', error: { code: 'ERR_REKEY_ANSWER' } },
  ])
  expect(inspect(heard, { depth: 9 })).not.toContain(secret)
  const client = await pool.connect()
  client.release(true)
  expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  await pool.end()
})

const ended = { code: 'ERR_REKEY_POOL_ENDED', option: 'pool' }

const pools: Record<string, (credentials: CredentialsCache) => pg.Pool> = {
  'new Pool': (credentials) => new Pool({ ...at(), credentials, max: 1 }),
  'a pool of rotatingPg': (credentials) => new (rotatingPg(credentials).Pool)({ ...at(), max: 1 }),
  'an attached pool': (credentials) => {
    const pool = new pg.Pool({ ...at(), max: 1 })
    attachRotation(pool, credentials)
    return pool
  },
}

describe.each(Object.entries(pools))('%s', (_name, make) => {
  test('a pool used after end() says so, by promise and by callback', async () => {
    await using credentials = hastyCache(() => account)
    const pool = make(credentials)
    await pool.query('SELECT 1')
    await pool.end()
    for (const doing of [pool.connect(), pool.query('SELECT 1'), pool.end()]) {
      expect(await refusalOf(doing)).toMatchObject(ended)
    }
    const errors = await Promise.all([
      called<[unknown]>((callback) => pool.connect(callback as never)),
      called<[unknown]>((callback) => pool.query('SELECT 1', callback as never)),
      called<[unknown]>((callback) => pool.end(callback as never)),
    ])
    for (const [error] of errors)
      expect(await refusalOf(Promise.reject(error))).toMatchObject(ended)
  })

  test('callers in the queue of a pool that ends are told, by promise and by callback', async () => {
    await using credentials = hastyCache(() => account)
    const pool = make(credentials)
    const held = await pool.connect()
    const waiting = [
      pool.connect(),
      pool.query('SELECT 1'),
      called<[unknown]>((callback) => pool.connect(callback as never)).then(([error]) => {
        throw error
      }),
      called<[unknown]>((callback) => pool.query('SELECT 1', callback as never)).then(([error]) => {
        throw error
      }),
    ]
    expect(pool.waitingCount).toBe(4)
    const over = pool.end()
    for (const doing of waiting) expect(await refusalOf(doing)).toMatchObject(ended)
    held.release()
    await over
    expect(pool.waitingCount).toBe(0)
  })

  test('nobody has to look: a pool that ends leaves no unhandled rejection', async () => {
    await using credentials = hastyCache(() => Promise.reject(new Error('down')))
    const pool = make(credentials)
    pool.connect(() => {})
    pool.query('SELECT 1', () => {})
    await new Promise<void>((resolve) => pool.end(resolve))
    await credentials.close()
  })
})

describe('a client that gets no credentials', () => {
  test('fails its statements and says that it has ended', async () => {
    await using credentials = hastyCache(() => Promise.reject(new Error('down')))
    const client = new Client({ ...at(), credentials })
    const over = once(client, 'end')
    const statement = client.query('SELECT 1').catch((error: Error) => error.message)
    expect(await refusalOf(client.connect())).toMatchObject({ code: 'ERR_REKEY_LOAD' })
    await over
    expect(await statement).toBe('Connection terminated unexpectedly')
    await expect(client.connect()).rejects.toThrow('already been connected')
    await client.end()
  })

  test('can end while it waits for them', async () => {
    await using credentials = hastyCache(() => new Promise(() => {}))
    const client = new Client({ ...at(), credentials })
    const connected = client.connect().catch((error: Error) => error.message)
    const statement = client.query('SELECT 1').catch((error: Error) => error.message)
    await client.end()
    expect(await connected).toBe('Connection terminated')
    expect(await statement).toBe('Connection terminated')
  })

  test('is not waited for past connectionTimeoutMillis', async () => {
    await using credentials = createCredentials(
      fromFunction(() => new Promise<never>(() => {})),
      { overlap: 600_000 },
    )
    const config = { ...at(), credentials, connectionTimeoutMillis: 30 }
    await expect(new Client(config).connect()).rejects.toThrow('timeout expired')
    const pool = new Pool({ ...config, max: 1 })
    const outcomes = await Promise.allSettled([pool.connect(), pool.connect()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await pool.end()
  })
})

test('an exception in the callback of a failed connect is the process’s, and the others are told', async () => {
  await using credentials = hastyCache(() => Promise.reject(new Error('down')))
  const pool = new Pool({ ...at(), credentials })
  const thrown = new Error('from the callback')
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const caught = called<[Error, string]>((listen) => process.once('uncaughtException', listen))
  try {
    pool.connect(() => {
      throw thrown
    })
    const other = refusalOf(pool.query('SELECT 1'))
    // An unhandled rejection would come with another origin.
    expect(await caught).toEqual([thrown, 'uncaughtException'])
    expect(await other).toMatchObject({ code: 'ERR_REKEY_LOAD' })
  } finally {
    for (const listener of before) process.on('uncaughtException', listener)
  }
  await pool.end()
})
