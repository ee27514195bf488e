import mysql, { rotatingMysql2 } from '@rekey/mysql2'
import type { QueryError, RowDataPacket } from 'mysql2'
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
  const asked = called<QueryValues>((callback) =>
    connection.query('SELECT sleep(0.4) AS slept', callback),
  )
  connection.release()
  await stage.rotate()
  expect(pool.generations[0]).toMatchObject({ closing: 1 })
  await stage.clock.advance(closeDeadline)
  expect((await asked).slice(0, 2)).toMatchObject([null, [{ slept: 0 }]])
  await goneOver(pool)
  await called((callback) => pool.end(callback))
})

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
