import mysql from '@rekey/mysql2/promise'
import { expect, test } from 'vitest'
import { inTime } from '../until.ts'
import { numberFrom } from './asking.ts'
import { openStage } from './stage.ts'

const count = 'SELECT count(*) AS number FROM ledger'

test('within endDeadline a transaction that is open may finish, and end waits for it', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, endDeadline: 10_000 })
  await pool.query('CREATE TABLE ledger (entry int)')
  const connection = await pool.getConnection()
  await connection.beginTransaction()
  await connection.query('INSERT INTO ledger VALUES (1)')
  let isEnded = false
  const ended = pool.end().then(() => (isEnded = true))
  await expect(pool.getConnection()).rejects.toThrow('Pool is closed.')
  await connection.query('INSERT INTO ledger VALUES (2)')
  await connection.commit()
  expect(await numberFrom(connection, count)).toBe(2)
  expect(isEnded).toBe(false)
  connection.release()
  await ended
  expect(stage.proxy.open).toBe(0)
})

test('a pool query that is under way finishes within endDeadline', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, endDeadline: 10_000 })
  await pool.query('SELECT 1')
  const asked = numberFrom(pool, 'SELECT sleep(0.2) AS number')
  const ended = pool.end()
  expect(await asked).toBe(0)
  await ended
})

test('past endDeadline it is as with the driver: the transaction is broken', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, endDeadline: 50 })
  const connection = await pool.getConnection()
  await connection.beginTransaction()
  await pool.end()
  await expect(connection.query('SELECT 1')).rejects.toThrow(
    "Can't add new command when connection is in closed state",
  )
  expect(stage.proxy.open).toBe(0)
})

test('a statement that runs is not cut off by the end, however long it takes', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, rotation: { closeDeadline: 1_000 } })
  const connection = await pool.getConnection()
  const asked = numberFrom(connection, 'SELECT sleep(0.5) AS number')
  const ended = pool.end()
  await stage.clock.advance(5_000)
  expect(await asked).toBe(0)
  await ended
})

test('a connection that was given back when the pool ended closes behind its reset', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const endDeadline = 2 ** 31 - 1
  const pool = mysql.createPool({ ...address, credentials, endDeadline, resetOnRelease: true })
  const connection = await pool.getConnection()
  connection.release()
  await inTime('the end', pool.end())
  expect(stage.proxy.open).toBe(0)
})

test.each([
  ['within endDeadline', 2 ** 31 - 1],
  ['behind a statement', 0],
])(
  'a connection that its holder destroys %s is gone after closeDeadline',
  async (_when, endDeadline) => {
    await using stage = await openStage()
    const { address, credentials } = stage
    const closeDeadline = 1_000
    const options = { ...address, credentials, endDeadline, rotation: { closeDeadline } }
    const pool = mysql.createPool(options)
    const connection = await pool.getConnection()
    stage.proxy.halfOpen()
    // The driver never answers a statement whose connection was destroyed.
    void connection.query('SELECT 1')
    const ended = pool.end()
    connection.destroy()
    await stage.clock.advance(closeDeadline)
    await inTime('the end', ended)
  },
)
