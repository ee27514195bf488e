import { Pool, type PoolConfig } from '@rekey/pg'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { areAtRest } from '../contract/scene.ts'
import type { Stage } from '../contract/stage.ts'
import { inTime, until } from '../until.ts'
import { closing, fill, lend, openStage, userOf } from './stage.ts'

function openPool(
  stage: Stage,
  options: PoolConfig = {},
): InstanceType<typeof Pool> & AsyncDisposable {
  const { address, credentials } = stage
  return closing(
    new Pool({
      ...address,
      credentials,
      max: 4,
      idleTimeoutMillis: 0,
      rotation: { spread: 0 },
      ...options,
    }),
  )
}

/** What went wrong with something, if anything did. */
function errorOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
}

test('a store that hangs does not make anybody wait past connectionTimeoutMillis', async () => {
  await using stage = await openStage()
  stage.store.mood = 'hangs'
  await using pool = openPool(stage, { max: 2, connectionTimeoutMillis: 200 })
  const start = performance.now()
  // Two that dial, and two in the queue behind them. By the store's own deadline they would wait for ever: its clock stands.
  const errors = await Promise.all(Array.from({ length: 4 }, () => errorOf(pool.connect())))
  for (const error of errors) expect(String(error)).toContain('timeout')
  expect(performance.now() - start).toBeGreaterThan(190)
  await until('the pool to be empty', () => pool.totalCount + pool.waitingCount === 0)
  stage.store.mood = 'answers'
  await stage.clock.advance(60_000)
  expect(await userOf(pool)).toBe(stage.account.user)
})

test('a store that hangs while the last pair is still good makes nobody wait at all', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage)
  await fill(pool, 1)
  stage.store.mood = 'hangs'
  for (let minute = 0; minute < 30; minute += 1) await stage.clock.advance(60_000)
  const clients = await lend(pool, 4)
  expect(new Set(await Promise.all(clients.map(userOf)))).toEqual(new Set([stage.account.user]))
  for (const client of clients) client.release()
})

test('a wrong password within connectionTimeoutMillis is a timeout, and leaves no session behind', async () => {
  await using stage = await openStage()
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  await using pool = openPool(stage, { connectionTimeoutMillis: 200 })
  const errors = await Promise.all(Array.from({ length: 8 }, () => errorOf(pool.connect())))
  for (const error of errors) expect(error).toBeInstanceOf(Error)
  await until('the pool to be empty', () => pool.totalCount + pool.waitingCount === 0)
  await until('every socket to close', () => stage.proxy.open === 0)
})

test('a server that accepts and says nothing costs a caller its timeout, and no slot for longer', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 2, connectionTimeoutMillis: 200 })
  await stage.credentials.get()
  stage.proxy.stall()
  const errors = await Promise.all(Array.from({ length: 4 }, () => errorOf(pool.connect())))
  for (const error of errors) expect(String(error)).toContain('timeout')
  await until('the pool to be empty', () => pool.totalCount + pool.waitingCount === 0)
  stage.proxy.resume()
  await until('every socket to close', () => stage.proxy.open === 0)
  // From here on the server does answer, in its own time.
  pool.options.connectionTimeoutMillis = 0
  await fill(pool, 2)
  expect(await stage.place.refusedLogins()).toEqual([])
})

test('connections that are cut at login are their callers’ errors, and free their slots', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 2 })
  stage.proxy.cutLogins = 2
  const errors = await Promise.all(Array.from({ length: 6 }, () => errorOf(pool.query('SELECT 1'))))
  expect(errors.filter((error) => error !== undefined)).toHaveLength(2)
  expect(pool.totalCount).toBe(2)
})

test('a backend that is killed while it is lent crashes nobody, and the pool goes on', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 1 })
  const [client] = await lend(pool, 1)
  expect(client?.listenerCount('error')).toBe(0)
  const waiting = pool.query('SELECT 1 AS one')
  const [session] = await stage.place.sessions()
  await stage.place.kill(session!)
  // An error event without a listener would end the process, and this test with it.
  await until('the socket to close', () => stage.proxy.open === 0)
  await expect(client?.query('SELECT 1')).rejects.toThrow('not queryable')
  client?.release()
  expect((await waiting).rows).toEqual([{ one: 1 }])
})

test('a backend that is killed in the middle of a statement fails the statement only', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 1 })
  const [client] = await lend(pool, 1)
  const statement = client!.query('SELECT pg_sleep(30)')
  const failed = expect(statement).rejects.toMatchObject({ code: '57P01' })
  const [session] = await stage.place.sessions()
  await stage.place.kill(session!)
  await failed
  client!.release(true)
  expect(await userOf(pool)).toBe(stage.account.user)
})

test('a backend that is killed while it is idle is an error of the pool, and callers who wait are served', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 2 })
  const errors: unknown[] = []
  pool.on('error', (error: Error & { code?: string }) => errors.push(error.code))
  await fill(pool, 2)
  for (const session of await stage.place.sessions()) await stage.place.kill(session)
  await until('both errors', () => errors.length === 2)
  expect(errors).toEqual(['57P01', '57P01'])
  expect(await userOf(pool)).toBe(stage.account.user)
})

test('connections that die during a rotation are made up for', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { rotation: { spread: 60_000 } })
  const held = await lend(pool, 2)
  await fill(pool, 2)
  await stage.rotate()
  await until('the candidate to be proven', () => pool.generations[1]?.idle === 1)
  for (const session of await stage.place.sessions(stage.other.user))
    await stage.place.kill(session)
  await until('the sockets to close', () => stage.proxy.open === 1)
  for (const client of held) client.release()
  await pool.drained()
  await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT 1')))
  expect(stage.proxy.peak).toBeLessThanOrEqual(4)
})

test('an onConnect that fails holds a rotation up, harms no caller, and leaves no session', async () => {
  await using stage = await openStage()
  // As on a busy machine. A session that is closing holds its slot however far the clock leaps.
  stage.proxy.goodbyeDelay = 100
  let fails = false
  const onConnect = (): void => {
    if (fails) throw new Error('not ready')
  }
  await using pool = openPool(stage, { max: 2, onConnect })
  await fill(pool, 2)
  fails = true
  await stage.rotate()
  await until('a dial of the rotation to fail', () => stage.proxy.total > 2)
  expect(await userOf(pool)).toBe(stage.other.user)
  fails = false
  let isDrained = false
  void pool.drained().then(() => (isDrained = true))
  await until('the rotation to be over', async () => {
    if (areAtRest(pool.generations)) await stage.clock.advance(1_000)
    return isDrained
  })
  await fill(pool, 2)
  expect(stage.proxy.peak).toBeLessThanOrEqual(2)
  expect(stage.proxy.open).toBe(2)
})

test.each(['onConnect', 'verify'] as const)(
  'a dial of the rotation whose %s does not return is given up, and is no error of the pool',
  async (hook) => {
    await using stage = await openStage()
    let hangs = false
    let hung = 0
    const hooks = {
      onConnect: () => (hangs ? new Promise(() => (hung += 1)) : undefined),
      verify: (_client: unknown, done: () => void) => void (hangs ? (hung += 1) : done()),
    }
    await using pool = openPool(stage, { max: 2, [hook]: hooks[hook] })
    const errors: unknown[] = []
    pool.on('error', (error) => errors.push(error))
    await fill(pool, 2)
    hangs = true
    await stage.rotate()
    await until('the hook to hang', () => hung === 1)
    await stage.clock.advance(stage.credentials.timings.loginDeadline)
    await until('the pool to have forgotten it', () => pool.totalCount === 1)
    await until('its socket to close', () => stage.proxy.open === 1)
    await stage.clock.advance(1_000)
    await until('the next dial to hang', () => hung === 2)
    await inTime('the pool to end', pool.end())
    expect(errors).toEqual([])
    await until('every socket to close', () => stage.proxy.open === 0)
  },
)

test.each(['onConnect', 'verify'] as const)(
  'where %s takes longer than the login deadline old connections stay, which is reported, and no caller fails',
  async (hook) => {
    await using stage = await openStage()
    using messages = recordMessages()
    let isSlow = false
    const underWay: (() => void)[] = []
    const take = (done: () => void): void => void (isSlow ? underWay.push(done) : done())
    const hooks = {
      onConnect: () => new Promise<void>(take),
      verify: (_client: unknown, done: () => void) => take(done),
    }
    const rotation = { spread: 0, drainDeadline: 20_000 }
    await using pool = openPool(stage, { max: 2, rotation, [hook]: hooks[hook] })
    const pass = async (): Promise<void> => {
      if (areAtRest(pool.generations)) await stage.clock.advance(1_000)
    }
    await fill(pool, 1)
    isSlow = true
    await stage.rotate()
    await until('the report', async () => {
      await pass()
      return messages.of('rekey:stalled').length > 0
    })
    expect(messages.of('rekey:stalled')).toMatchObject([{ held: [{ state: 'idle' }] }])
    expect(underWay.length).toBeGreaterThan(1)
    const [old] = await lend(pool, 1)
    expect(await userOf(old!)).toBe(stage.other.user)
    // A caller who needs another one waits for as long as the hook takes.
    const asked = pool.connect()
    await until('its turn', async () => {
      await pass()
      return pool.waitingCount === 0
    })
    await until('its hook', () => pool.generations[1]?.lent === 1)
    await stage.clock.advance(2 * stage.credentials.timings.loginDeadline)
    isSlow = false
    underWay.at(-1)?.()
    const late = await asked
    expect(await userOf(late)).toBe(stage.account.user)
    for (const client of [old!, late]) client.release()
    let isDrained = false
    void pool.drained().then(() => (isDrained = true))
    await until('the rotation to be over', async () => {
      await pass()
      return isDrained
    })
  },
)

test('a listener of drained that throws is not the rotation’s undoing', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 2 })
  await fill(pool, 2)
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error.message))
  try {
    pool.on('drained' as 'release', () => {
      throw new Error('from a listener')
    })
    for (let rotation = 1; rotation <= 3; rotation += 1) {
      await stage.rotate()
      await pool.drained()
      await until('the exception', () => thrown.length === rotation)
    }
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
  expect(pool.generations).toMatchObject([{ version: '4' }])
})

test('a client given back in the middle of a transaction may leave, one that is lent in it may not', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 2 })
  const [lent, other] = await lend(pool, 2)
  other!.release()
  await lent!.query('BEGIN')
  await stage.rotate()
  await until('the other one to go over', () => pool.generations[1]?.idle === 1)
  await lent!.query('CREATE TABLE kept (n int)')
  await lent!.query('COMMIT')
  lent!.release()
  await pool.drained()
  expect((await pool.query('SELECT * FROM kept')).rows).toEqual([])
})

test.each([
  ['as it is given back', (stage: Stage, give: () => void) => stage.rotate().then(give)],
  ['later', (stage: Stage, give: () => void) => (give(), stage.rotate())],
] as const)(
  'a statement that nobody waits for is not cut off where its client leaves %s',
  async (_when, leave) => {
    await using stage = await openStage()
    await using pool = openPool(stage, { max: 2 })
    const [keeper, client] = await lend(pool, 2)
    await keeper!.query('SELECT pg_advisory_lock(1)')
    const outcome = errorOf(client!.query('SELECT pg_advisory_lock(1)'))
    await leave(stage, () => client!.release())
    await until('it to leave', () => pool.generations[0]?.closing === 1)
    expect(pool.totalCount).toBe(1)
    await keeper!.query('SELECT pg_advisory_unlock(1)')
    expect(await outcome).toBeUndefined()
    keeper!.release()
    await pool.drained()
    expect(stage.proxy.peak).toBe(2)
  },
)

test('a statement of a connect listener is not cut off where its client leaves as it comes', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { max: 1 })
  const outcomes: Promise<unknown>[] = []
  await fill(pool, 1)
  pool.on('connect', (client) => outcomes.push(errorOf(client.query('SELECT 1'))))
  pool.once('remove', () => stage.proxy.stall())
  await stage.rotate()
  await until('the dial to begin', () => pool.generations[1]?.connecting === 1)
  await stage.rotate()
  stage.proxy.resume()
  await pool.drained()
  expect(await Promise.all(outcomes)).toEqual([undefined, undefined])
})

test('a role whose connection limit is max is never over it, in ten rotations under load', async () => {
  await using stage = await openStage({ sessions: 3 })
  stage.proxy.goodbyeDelay = 10
  await using pool = openPool(stage, { max: 3 })
  let rotating = true
  const work = async (): Promise<void> => {
    while (rotating) await pool.query('SELECT pg_sleep(0.001)')
  }
  const working = Promise.all(Array.from({ length: 9 }, work))
  for (let rotation = 0; rotation < 10; rotation += 1) {
    await stage.rotate()
    await pool.drained()
  }
  rotating = false
  await working
  expect(await stage.place.refusedLogins()).toEqual([])
})

test('what the driver knows the server to say of a login passes through', async () => {
  await using stage = await openStage({ sessions: 1 })
  using messages = recordMessages()
  await using pool = openPool(stage, { max: 2 })
  const [client] = await lend(pool, 1)
  const error = await pool.connect().catch((reason: unknown) => reason as pg.DatabaseError)
  expect(error).toMatchObject({ code: '53300', severity: 'FATAL' })
  expect(messages.of('rekey:candidate-refused')).toEqual([])
  client!.release()
})
