import { randomBytes } from 'node:crypto'
import { createCredentials, fromFunction, systemClock, type CredentialsCache } from '@rekey/core'
import mysql, { type PoolOptions, type RotatingPromisePool } from '@rekey/mysql2/promise'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordMessages, type Recorded } from '../contract/messages.ts'
import { flood } from '../flood.ts'
import { connectMariadb } from '../servers/mariadb.ts'
import { serverAddress } from '../servers/on-demand.ts'
import type { Account, ServerAddress } from '../servers/server.ts'
import { until } from '../until.ts'
import { numberFrom, userOf } from './asking.ts'
import { openStage } from './stage.ts'

/** Each step tells the wait until the next one, and no step has come before that was over. */
function expectBackoff(messages: Recorded, elapsed: number): void {
  const waits = messages.of('rekey:candidate-refused').map(({ retryIn }) => retryIn)
  // By a chance of one half.
  expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000].slice(0, waits.length))
  // A timer of the process may fire a millisecond early.
  const least = waits.slice(0, -1).reduce((sum, wait) => sum + wait - 1, 0)
  expect(elapsed).toBeGreaterThanOrEqual(least)
}

test('a wrong password from the start: 500 callers a second, one failed login per backoff step', async () => {
  await using stage = await openStage({ sessions: 10, clock: systemClock })
  using messages = recordMessages()
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, connectTimeout: 1_500 })
  const begun = performance.now()
  const { calls, failures } = await flood(
    pool,
    2,
    () => messages.of('rekey:candidate-refused').length >= 2,
  )
  await pool.end()
  await Promise.all(calls)
  expect(failures).toHaveLength(calls.length)
  const steps = messages.of('rekey:candidate-refused').length
  const refused = (await stage.place.refusedLogins()).length
  // One more where a dial was under way when the pool ended: the server may have refused it, and nobody waited for that.
  expect([steps, steps + 1]).toContain(refused)
  expectBackoff(messages, performance.now() - begun)
})

test('a wrong password in a rotation: one failed login per backoff step, and no caller notices', async () => {
  await using stage = await openStage({ sessions: 10, clock: systemClock })
  using messages = recordMessages()
  const { address, credentials } = stage
  await using pool = mysql.createPool({ ...address, credentials })
  await pool.query('SELECT 1')
  stage.store.publish({ user: stage.other.user, password: 'wrong' })
  const begun = performance.now()
  await credentials.refresh()
  const { calls, failures } = await flood(
    pool,
    2,
    () => messages.of('rekey:candidate-refused').length >= 2,
  )
  await Promise.all(calls)
  expect(failures).toEqual([])
  // One may be on its way to us.
  await until('a step for each refused login', async () => {
    const refused = await stage.place.refusedLogins()
    return refused.length === messages.of('rekey:candidate-refused').length
  })
  expectBackoff(messages, performance.now() - begun)
})

describe('an account that MySQL locks after three wrong passwords', () => {
  let address: ServerAddress
  let admin: Connection
  let account: Account
  let credentials: CredentialsCache
  let current: Account

  beforeAll(async () => {
    address = await serverAddress('mysql')
    const { host, port, user, password } = address
    admin = await createConnection({ host, port, user, password })
  })
  afterAll(() => admin.end())

  async function setUp(): Promise<AsyncDisposable> {
    account = { user: `locks${randomBytes(6).toString('hex')}`, password: 'right' }
    current = account
    await admin.query(
      "CREATE USER ?@'%' IDENTIFIED BY ? FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1",
      [account.user, account.password],
    )
    credentials = createCredentials(
      fromFunction(() => current),
      { overlap: 60_000 },
    )
    return {
      async [Symbol.asyncDispose]() {
        await credentials.close()
        await admin.query("DROP USER ?@'%'", [account.user])
      },
    }
  }

  const open = (options?: PoolOptions): RotatingPromisePool => {
    const { host, port } = address
    return mysql.createPool({ host, port, credentials, ...options })
  }

  /** How often the server has turned the account away with this error. */
  const timesOf = (error: string): Promise<number> =>
    numberFrom(
      admin,
      `SELECT coalesce(sum(sum_error_raised), 0) AS number
       FROM performance_schema.events_errors_summary_by_user_by_error
       WHERE user = '${account.user}' AND error_name = '${error}'`,
    )

  test('is not locked by a wrong password beside the one that works, however often it is tried', async () => {
    await using stage = await openStage()
    using messages = recordMessages()
    const { user } = stage.account
    await admin.query("ALTER USER ?@'%' FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 1", [user])
    // With room, so that no refused login has to be made good by another.
    await using pool = mysql.createPool({ ...stage.address, credentials: stage.credentials })
    expect(await userOf(pool)).toBe(user)
    stage.store.publish({ user, password: 'wrong' })
    await stage.credentials.refresh()
    for (let refusals = 1; refusals <= 6; refusals += 1) {
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === refusals)
      await until('all to be still', () =>
        pool.generations.every(({ connecting, closing }) => connecting + closing === 0),
      )
      await stage.clock.advance(messages.of('rekey:candidate-refused').at(-1)?.retryIn ?? 0)
    }
    const errors = messages.of('rekey:candidate-refused').map(({ error }) => error)
    expect(errors).toMatchObject(errors.map(() => ({ errno: 1045 })))
    const another = await Promise.all([pool.getConnection(), pool.getConnection()])
    expect(await userOf(another[1])).toBe(user)
    for (const connection of another) connection.release()
    expect(pool.generations).toMatchObject([{ idle: 2 }, { idle: 0 }])
  })

  test('is not locked where the pool may be refused twice, whatever the load, and is used again with a new version', async () => {
    await using _ = await setUp()
    current = { ...account, password: 'wrong' }
    using messages = recordMessages()
    await using pool = open({ rotation: { maxRefusals: 2 } })
    const { calls, failures } = await flood(pool, 3)
    await Promise.all(calls)
    expect(failures).toHaveLength(calls.length)
    for (const failure of failures) expect(failure).toMatchObject({ errno: 1045 })
    expect(await timesOf('ER_ACCESS_DENIED_ERROR')).toBe(2)
    expect(messages.of('rekey:candidate-refused')).toMatchObject([{}, { retryIn: Infinity }])
    current = account
    await credentials.refresh()
    expect(await userOf(pool)).toBe(account.user)
  })

  test('once it is locked, it is not tried again with this version', async () => {
    await using _ = await setUp()
    const { host, port } = address
    for (let login = 0; login < 3; login += 1) {
      const wrong = createConnection({ host, port, user: account.user, password: 'wrong' })
      await expect(wrong).rejects.toThrow()
    }
    using messages = recordMessages()
    await using pool = open()
    const { calls, failures } = await flood(pool, 2)
    await Promise.all(calls)
    expect(failures).toHaveLength(calls.length)
    for (const failure of failures) expect(failure).toMatchObject({ errno: 3955 })
    expect(messages.of('rekey:candidate-refused')).toMatchObject([{ retryIn: Infinity }])
  })

  test('locked by its owner, it is not tried again either', async () => {
    await using _ = await setUp()
    await admin.query("ALTER USER ?@'%' ACCOUNT LOCK", [account.user])
    using messages = recordMessages()
    await using pool = open()
    const { calls, failures } = await flood(pool, 1)
    await Promise.all(calls)
    expect(failures).toHaveLength(calls.length)
    for (const failure of failures) expect(failure).toMatchObject({ errno: 3118 })
    expect(messages.of('rekey:candidate-refused')).toHaveLength(1)
    expect(await timesOf('ER_ACCOUNT_HAS_BEEN_LOCKED')).toBe(1)
  })

  test('with an expired password it is refused, in words of the server', async () => {
    await using _ = await setUp()
    await admin.query("ALTER USER ?@'%' PASSWORD EXPIRE", [account.user])
    await using pool = open()
    const failure = await pool.query('SELECT 1').catch((error: unknown) => error)
    expect(failure).toMatchObject({ errno: 1862 })
  })
})

test('an account that is locked in MariaDB is tried once, and its callers get the error of the server', async () => {
  await using server = await connectMariadb(await serverAddress('mariadb'))
  await using place = await server.createPlace({ sessions: 10 })
  const account = await place.createAccount()
  const { host, port, user, password } = await serverAddress('mariadb')
  const admin = await createConnection({ host, port, user, password })
  await admin.query("ALTER USER ?@'%' ACCOUNT LOCK", [account.user])
  await admin.end()
  await using credentials = createCredentials(
    fromFunction(() => account),
    { overlap: 60_000 },
  )
  using messages = recordMessages()
  await using pool = mysql.createPool({ host, port, credentials })
  const { calls, failures } = await flood(pool, 0.3)
  await Promise.all(calls)
  expect(failures).toHaveLength(calls.length)
  for (const failure of failures) expect(failure).toMatchObject({ errno: 4151 })
  expect(messages.of('rekey:candidate-refused')).toMatchObject([{ retryIn: Infinity }])
})

test('a session too many is no matter of the credentials: it fails its caller at once', async () => {
  await using stage = await openStage({ sessions: 1 })
  using messages = recordMessages()
  const { address, credentials } = stage
  await using pool = mysql.createPool({ ...address, credentials, connectionLimit: 2 })
  const held = await pool.getConnection()
  await expect(pool.getConnection()).rejects.toMatchObject({ errno: 1226 })
  expect(messages.of('rekey:candidate-refused')).toEqual([])
  held.release()
  expect(await userOf(pool)).toBe(stage.account.user)
})
