import type mysql from 'mysql2'
import promise, { type RowDataPacket } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { countsOf, recordEvents, threeWays } from './three-ways.ts'

interface Classes {
  PromisePool: new () => promise.Pool
  PromiseConnection: new () => promise.Connection
  PromisePoolConnection: new () => promise.PoolConnection
}
const { PromisePool, PromiseConnection, PromisePoolConnection } = promise as unknown as Classes

threeWays((way) => {
  /** A pool of promises that ends with its block. */
  function open(options?: mysql.PoolOptions): promise.Pool & AsyncDisposable {
    return way.promisePool(options)
  }

  test('a pool is an instance of the class of the driver, over a pool of callbacks', async () => {
    await using pool = open()
    expect(pool).toBeInstanceOf(PromisePool)
    expect(pool.constructor.name).toBe('PromisePool')
    expect(pool.pool.constructor.name).toBe('Pool')
    expect((pool as unknown as { Promise: unknown }).Promise).toBe(Promise)
  })

  test('query and execute resolve with rows and fields', async () => {
    await using pool = open()
    const sql = 'SELECT ? AS name'
    for (const [rows, fields] of [
      await pool.query<RowDataPacket[]>(sql, ['a']),
      await pool.execute<RowDataPacket[]>(sql, ['a']),
    ]) {
      expect(rows.map((row) => ({ ...row }))).toEqual([{ name: 'a' }])
      expect(fields).toHaveLength(1)
    }
    expect(countsOf(pool.pool)).toEqual([1, 1, 0])
  })

  test('a rejection has the error of the server, and tells where it was asked', async () => {
    await using pool = open()
    const failure = await pool.query('SELECT missing').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'ER_BAD_FIELD_ERROR', errno: 1054 })
    expect((failure as Error).stack).toContain('drop-in-promise.test.ts')
  })

  test('a callback is refused', async () => {
    await using pool = open()
    const withCallback = (): unknown => pool.query('SELECT 1', (() => {}) as never)
    expect(withCallback).toThrow('Callback function is not available with promise clients.')
  })

  test('connections are lent and given back, by either method', async () => {
    await using pool = open({ connectionLimit: 2 })
    const one = await pool.getConnection()
    const other = await pool.getConnection()
    expect(one).toBeInstanceOf(PromisePoolConnection)
    expect(one).toBeInstanceOf(PromiseConnection)
    one.release()
    pool.releaseConnection(other)
    expect(countsOf(pool.pool)).toEqual([2, 2, 0])
  })

  test('a connection ends with its block', async () => {
    await using pool = open({ connectionLimit: 1 })
    {
      await using connection = await pool.getConnection()
      await connection.query('SELECT 1')
    }
    expect(countsOf(pool.pool)).toEqual([1, 1, 0])
  })

  test('events are those of the pool, while somebody listens', async () => {
    await using pool = open({ connectionLimit: 1 })
    const heard = recordEvents(pool, ['acquire', 'connection', 'enqueue', 'release'])
    const connection = await pool.getConnection()
    const waiting = pool.getConnection()
    connection.release()
    ;(await waiting).release()
    expect(heard).toEqual(['connection', 'acquire', 'enqueue', 'release'])
    pool.removeAllListeners()
  })

  test('a transaction commits, and rolls back', async () => {
    await using pool = open()
    const connection = await pool.getConnection()
    await connection.query('CREATE TEMPORARY TABLE entries (n int)')
    await connection.beginTransaction()
    await connection.query('INSERT INTO entries VALUES (1)')
    await connection.rollback()
    await connection.beginTransaction()
    await connection.query('INSERT INTO entries VALUES (2)')
    await connection.commit()
    const [rows] = await connection.query<RowDataPacket[]>('SELECT n FROM entries')
    expect(rows).toMatchObject([{ n: 2 }])
    connection.destroy()
  })

  test('promise() of a pool of callbacks gives one of promises', async () => {
    const core = way.pool()
    const pool = core.promise()
    expect(pool).toBeInstanceOf(PromisePool)
    expect(pool.pool).toBe(core)
    const [rows] = await pool.query<RowDataPacket[]>('SELECT 1 AS one')
    expect(rows).toMatchObject([{ one: 1 }])
    // Wrapped for every query, as many do: nothing is left behind.
    for (let query = 0; query < 20; query += 1) await core.promise().query('SELECT 1')
    expect(core.eventNames()).toEqual([])
    await pool.end()
  })

  test('Promise in the options is the class of the promises', async () => {
    class Own<Value> extends Promise<Value> {}
    const options: mysql.PoolOptions & { Promise: unknown } = { Promise: Own }
    await using pool = open(options)
    const asked = pool.query('SELECT 1')
    expect(asked).toBeInstanceOf(Own)
    await asked
  })

  test('after the end, callers hear that the pool is closed', async () => {
    const pool = open()
    await pool.query('SELECT 1')
    await pool.end()
    await expect(pool.query('SELECT 1')).rejects.toThrow('Pool is closed.')
    await expect(pool.getConnection()).rejects.toThrow('Pool is closed.')
  })

  test('createConnection resolves when it is logged in, and has all its methods', async () => {
    const connection = await way.promiseConnection()
    expect(connection).toBeInstanceOf(PromiseConnection)
    expect(connection.threadId).toBeGreaterThan(0)
    const [rows] = await connection.execute<RowDataPacket[]>('SELECT 1 AS one')
    expect(rows).toMatchObject([{ one: 1 }])
    await connection.ping()
    await connection.end()
  })

  test('createConnection rejects with the error of the server', async () => {
    const connecting = way.promiseConnection({ database: 'nowhere' })
    await expect(connecting).rejects.toMatchObject({ errno: 1044 })
    await expect(connecting).rejects.not.toHaveProperty('fatal')
  })

  test('createConnection tells in a rejection where it was asked', async () => {
    for (const options of [{ database: 'nowhere' }, { port: 1 }]) {
      const failure = await way.promiseConnection(options).catch((error: unknown) => error)
      const [, first, ...rest] = (failure as Error).stack!.split('\n')
      // Who has called it stands first, with nothing of ours before.
      expect(first).toContain('three-ways.ts')
      expect(rest.join('\n')).toContain('drop-in-promise.test.ts')
    }
  })

  test('createConnection rejects with the error of the system', async () => {
    await expect(way.promiseConnection({ port: 1 })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
