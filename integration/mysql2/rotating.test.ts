import { createRequire } from 'node:module'
import { createCredentials, fromFunction } from '@rekey/core'
import mysql, { rotatingMysql2 } from '@rekey/mysql2'
import driver, { type QueryError, type RowDataPacket } from 'mysql2'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { userOf } from './asking.ts'
import { goneOver, openStage } from './stage.ts'
import { borrow, called, countsOf } from './three-ways.ts'

type QueryValues = [error: QueryError | null, rows: RowDataPacket[]]

const rotation = { spread: 0 }

test('the event drained is heard from both pools, and forwarded only while somebody listens', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, rotation })
  const promises = pool.promise()
  const heard: string[] = []
  const listen = (): number => heard.push('by promises')
  pool.on('drained', ({ version }) => heard.push(version))
  promises.on('drained', listen)
  await promises.query('SELECT 1')
  await stage.rotate()
  await goneOver(pool)
  await until('both to hear', () => heard.length === 2)
  expect(heard).toEqual(['1', 'by promises'])
  promises.off('drained', listen)
  expect(pool.listenerCount('drained')).toBe(1)
  await promises.end()
})

test('a connection that the rotation opens is prepared by the listeners of connection, like any', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, rotation })
  pool.on('connection', (connection) => void connection.query('SET @prepared = 7', () => {}))
  const promises = pool.promise()
  await promises.query('SELECT 1')
  await stage.rotate()
  await goneOver(pool)
  const [rows] = await promises.query<RowDataPacket[]>('SELECT @prepared AS prepared')
  expect(rows).toMatchObject([{ prepared: 7 }])
  expect(await userOf(promises)).toBe(stage.account.user)
  await promises.end()
})

test('a statement that was left running when its connection was given back comes to its end', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const closeDeadline = 1_000
  const pool = mysql.createPool({
    ...{ ...address, credentials, connectionLimit: 1 },
    rotation: { ...rotation, closeDeadline },
  })
  const connection = await borrow(pool)
  stage.proxy.stall()
  const asked = called<QueryValues>((callback) => connection.query('SELECT 1 AS one', callback))
  connection.release()
  await stage.rotate()
  expect(pool.generations[0]).toMatchObject({ closing: 1 })
  await stage.clock.advance(closeDeadline)
  stage.proxy.resume()
  expect((await asked).slice(0, 2)).toMatchObject([null, [{ one: 1 }]])
  await goneOver(pool)
  await called((callback) => pool.end(callback))
})

test('one that was left running when its connection was ended comes to its end, too', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const closeDeadline = 1_000
  const options = { ...address, credentials, rotation: { closeDeadline }, gracefulEnd: true }
  const pool = mysql.createPool(options)
  const connection = await borrow(pool)
  stage.proxy.stall()
  const asked = called<QueryValues>((callback) => connection.query('SELECT 1 AS one', callback))
  const ended = called((callback) => connection.end(() => callback()))
  await stage.clock.advance(closeDeadline)
  stage.proxy.resume()
  expect((await asked).slice(0, 2)).toMatchObject([null, [{ one: 1 }]])
  await ended
  await called((callback) => pool.end(callback))
})

test.each([
  ['that are not to wait', { waitForConnections: false }, 1, 'No connections available.'],
  ['up to queueLimit', { queueLimit: 1 }, 2, 'Queue limit reached.'],
])(
  'callers %s do not miss a connection that is being replaced',
  async (_which, options, most, message) => {
    await using stage = await openStage()
    const { address, credentials } = stage
    const pool = mysql
      .createPool({ ...address, credentials, rotation, connectionLimit: 1, ...options })
      .promise()
    await pool.query('SELECT 1')
    stage.proxy.stall()
    await stage.rotate()
    expect(pool.generations).toMatchObject([{ closing: 1 }, {}])
    const asking = Array.from({ length: most }, () => userOf(pool))
    await expect(pool.query('SELECT 1')).rejects.toThrow(message)
    stage.proxy.resume()
    expect(new Set(await Promise.all(asking))).toEqual(new Set([stage.account.user]))
    await goneOver(pool)
    await pool.end()
  },
)

test('numbers in strings, as they come from an environment, are what they say', async () => {
  await using stage = await openStage({ sessions: 2 })
  const { address, credentials } = stage
  const strings = { connectionLimit: '2', connectTimeout: '5000' } as unknown as object
  const pool = mysql.createPool({ ...address, credentials, rotation, ...strings })
  const [first, second] = await Promise.all([borrow(pool), borrow(pool)])
  const waiting = borrow(pool)
  await stage.rotate()
  first.release()
  ;(await waiting).release()
  second.release()
  await goneOver(pool)
  expect(stage.proxy.peak).toBe(2)
  await called((callback) => pool.end(callback))
})

test('a connection that is reset on release goes over too', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const options = { ...address, credentials, rotation, connectionLimit: 1, resetOnRelease: true }
  const pool = mysql.createPool(options)
  const held = await borrow(pool)
  await stage.rotate()
  held.release()
  await goneOver(pool)
  expect(await userOf(pool.promise())).toBe(stage.account.user)
  await until('the release', () => countsOf(pool)[1] === 1)
  await called((callback) => pool.end(callback))
})

test('the functions of rotatingMysql2 rotate without being told so', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const module = rotatingMysql2(credentials)
  const pool = module.createPool({ ...address, connectionLimit: 2 })
  expect(await userOf(pool.promise())).toBe(stage.account.user)
  const connection = module.createConnection(address)
  expect(await userOf(connection.promise())).toBe(stage.account.user)
  const cluster = module.createPoolCluster()
  cluster.add('node', address)
  const [error, rows] = await called<QueryValues>((callback) =>
    cluster.of('node').query('SELECT 1 AS one', callback as never),
  )
  expect([error, rows]).toMatchObject([null, [{ one: 1 }]])
  await called((callback) => connection.end(() => callback()))
  await called((callback) => cluster.end(callback))
  await called((callback) => pool.end(callback))
})

test('a connection is in the lists of the driver when its credentials are there, and in none before', async () => {
  await using stage = await openStage()
  const { address, account, proxy } = stage
  const { promise: loaded, resolve } = Promise.withResolvers<typeof account>()
  await using credentials = createCredentials(
    fromFunction(() => loaded),
    { overlap: 60_000 },
  )
  const pool = mysql.createPool({ ...address, credentials, connectionLimit: 1 })
  const callers = [borrow(pool), borrow(pool)]
  expect(countsOf(pool)).toEqual([0, 0, 1])
  proxy.stall()
  resolve(account)
  await until('the dial', () => proxy.total === 1)
  expect(countsOf(pool)).toEqual([1, 0, 1])
  proxy.resume()
  for (const caller of callers) (await caller).release()
  await called((callback) => pool.end(callback))
})

test('at the drain deadline a statement is cancelled over a session of its own, above connectionLimit', async () => {
  await using stage = await openStage({ sessions: 2 })
  const { address, credentials } = stage
  const pool = mysql.createPool({
    ...{ ...address, credentials, connectionLimit: 2 },
    rotation: { ...rotation, drainDeadline: 60_000, atDrainDeadline: 'cancel' },
  })
  const [held, other] = await Promise.all([borrow(pool), borrow(pool)])
  const asked = called<QueryValues>((callback) => held.query('SELECT sleep(90) AS ended', callback))
  other.release()
  await stage.rotate()
  await until('the other to go over', () => pool.generations[1]?.idle === 1)
  expect(stage.proxy.peak).toBe(2)
  await stage.clock.advance(60_000)
  // What sleeps alone has no error when it is cancelled, but says so.
  expect((await asked).slice(0, 2)).toMatchObject([null, [{ ended: 1 }]])
  expect(stage.proxy.peak).toBe(3)
  expect(await userOf(held.promise())).toBe(stage.other.user)
  held.release()
  await goneOver(pool)
  await called((callback) => pool.end(callback))
})

test('rotatingMysql2 rotates in the copy of the driver that it is given', async () => {
  await using stage = await openStage()
  const require = createRequire(import.meta.url)
  const copies = ['mysql2', 'mysql2-floor'].map((name) => require(name) as typeof driver)
  const copy = copies.find(({ createPool }) => createPool !== driver.createPool)
  if (copy === undefined) throw new Error('There is one copy only.')
  const pool = rotatingMysql2(stage.credentials, copy).createPool({ ...stage.address, rotation })
  expect(pool).toBeInstanceOf((copy as unknown as { Pool: typeof Object }).Pool)
  expect(await userOf(pool.promise())).toBe(stage.account.user)
  await stage.rotate()
  await goneOver(pool)
  const connection = await borrow(pool)
  expect(connection).toBeInstanceOf(copy.PoolConnection)
  expect(await userOf(connection.promise())).toBe(stage.account.user)
  connection.release()
  await called((callback) => pool.end(callback))
})
