import { connect, type Socket } from 'node:net'
import mysql, { type PoolOptions, type RotatingPromisePool } from '@rekey/mysql2/promise'
import type { PoolConnection } from 'mysql2/promise'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import { userOf } from './asking.ts'
import { openStage } from './stage.ts'
import { called, countsOf } from './three-ways.ts'

function openPool(stage: Stage, options: PoolOptions = {}): RotatingPromisePool {
  const { address, credentials } = stage
  return mysql.createPool({
    ...{ ...address, credentials, connectionLimit: 4, rotation: { spread: 0 } },
    ...options,
  })
}

/** What went wrong with something, if anything did. */
function errorOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )
}

function lend(pool: RotatingPromisePool, count: number): Promise<PoolConnection[]> {
  return Promise.all(Array.from({ length: count }, () => pool.getConnection()))
}

async function fill(pool: RotatingPromisePool, count: number): Promise<void> {
  for (const connection of await lend(pool, count)) connection.release()
}

/** From now on a dial may take as long as it does. */
function giveTime({ pool: { config } }: RotatingPromisePool): void {
  const { connectionConfig } = config as { connectionConfig: { connectTimeout: number } }
  connectionConfig.connectTimeout = 60_000
}

const timeout = { code: 'ETIMEDOUT', errorno: 'ETIMEDOUT', syscall: 'connect', fatal: true }

test('a store that hangs does not make a caller wait past connectTimeout, nor one in the queue past its own', async () => {
  await using stage = await openStage()
  stage.store.mood = 'hangs'
  await using pool = openPool(stage, { connectionLimit: 2, connectTimeout: 200 })
  const start = performance.now()
  // Two that dial, and two in the queue behind them. By the store's own deadline they would wait for ever: its clock stands.
  const errors = await Promise.all(Array.from({ length: 4 }, () => errorOf(pool.getConnection())))
  expect(errors).toMatchObject([timeout, timeout, timeout, timeout])
  expect(performance.now() - start).toBeGreaterThan(390)
  expect(countsOf(pool.pool)).toEqual([0, 0, 0])
  expect(stage.proxy.total).toBe(0)
  giveTime(pool)
  stage.store.mood = 'answers'
  await stage.clock.advance(60_000)
  expect(await userOf(pool)).toBe(stage.account.user)
})

test('nor does it in a cluster, whose nodes stay, and whose caller gets the same error', async () => {
  await using stage = await openStage()
  stage.store.mood = 'hangs'
  const cluster = mysql.createPoolCluster({ removeNodeErrorCount: 1 })
  const { address, credentials } = stage
  for (const name of ['a', 'b']) {
    cluster.add(name, { ...address, credentials, connectTimeout: 200 })
  }
  const start = performance.now()
  for (const pattern of ['a', 'b']) {
    await expect(cluster.getConnection(pattern)).rejects.toMatchObject(timeout)
  }
  // Of all nodes it asks each.
  await expect(cluster.getConnection()).rejects.toMatchObject(timeout)
  expect(performance.now() - start).toBeGreaterThan(790)
  expect(stage.proxy.total).toBe(0)
  await cluster.end()
})

test('a store that hangs while the last pair is still good makes nobody wait at all', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage)
  await fill(pool, 1)
  stage.store.mood = 'hangs'
  for (let minute = 0; minute < 30; minute += 1) await stage.clock.advance(60_000)
  const connections = await lend(pool, 4)
  const users = await Promise.all(connections.map(userOf))
  expect(new Set(users)).toEqual(new Set([stage.account.user]))
  for (const connection of connections) connection.release()
})

test('a wrong password within connectTimeout is a timeout, and leaves no session behind', async () => {
  await using stage = await openStage()
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  await using pool = openPool(stage, { connectTimeout: 200 })
  const errors = await Promise.all(Array.from({ length: 8 }, () => errorOf(pool.getConnection())))
  expect(errors).toMatchObject(errors.map(() => timeout))
  await until('the pool to be empty', () => countsOf(pool.pool).every((count) => count === 0))
  await until('every socket to close', () => stage.proxy.open === 0)
})

test('a server that accepts and says nothing costs a caller its timeout, and no slot for longer', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { connectionLimit: 2, connectTimeout: 200 })
  await stage.credentials.get()
  stage.proxy.stall()
  const errors = await Promise.all(Array.from({ length: 4 }, () => errorOf(pool.getConnection())))
  expect(errors).toMatchObject([timeout, timeout, timeout, timeout])
  await until('the pool to be empty', () => countsOf(pool.pool).every((count) => count === 0))
  stage.proxy.resume()
  await until('every socket to close', () => stage.proxy.open === 0)
  giveTime(pool)
  await fill(pool, 2)
  expect(await stage.place.refusedLogins()).toEqual([])
})

test('connections that are cut at login are their callers’ errors, and free their slots', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { connectionLimit: 2 })
  stage.proxy.cutLogins = 2
  const errors = await Promise.all(Array.from({ length: 6 }, () => errorOf(pool.query('SELECT 1'))))
  expect(errors.filter((error) => error !== undefined)).toHaveLength(2)
  expect(countsOf(pool.pool)).toEqual([2, 2, 0])
})

test('a stream that cannot be made is the error of the caller that it was for, and no other', async () => {
  await using stage = await openStage()
  const { host, port } = stage.address
  let isBroken = true
  const stream = (): Socket => {
    if (isBroken) throw new Error('no socket')
    return connect(port, host)
  }
  await using promises = openPool(stage, { connectionLimit: 1, stream })
  const { pool } = promises
  // Before the first load, with a version that nobody has tried, and with one that works.
  for (let round = 0; round < 3; round += 1) {
    const [error] = await called((callback) => pool.getConnection(callback))
    expect(error).toMatchObject({ message: 'no socket' })
    expect(countsOf(pool)).toEqual([0, 0, 0])
    if (round === 0) continue
    isBroken = false
    const connection = await promises.getConnection()
    isBroken = true
    connection.destroy()
    await until('its socket to close', () => stage.proxy.open === 0)
  }
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
  for (const connection of held) connection.release()
  await pool.drained()
  await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT 1')))
  expect(await userOf(pool)).toBe(stage.account.user)
  expect(stage.proxy.peak).toBeLessThanOrEqual(4)
})

test('a listener of drained that throws is not the rotation’s undoing', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, { connectionLimit: 2 })
  await fill(pool, 2)
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error.message))
  try {
    pool.pool.on('drained', () => {
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
