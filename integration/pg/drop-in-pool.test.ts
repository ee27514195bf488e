import type pg from 'pg'
import Cursor from 'pg-cursor'
import { expect, test } from 'vitest'
import { called, ending, threeWays } from './three-ways.ts'

type ConnectValues = Parameters<Parameters<pg.Pool['connect']>[0]>
type QueryValues = [error: Error | undefined, result: pg.QueryResult | undefined]

threeWays((way) => {
  test('a pool without any option works from the environment', async () => {
    await using pool = ending(way.pool())
    const { rows } = await pool.query('SELECT 1 AS one')
    expect(rows.map((row) => ({ ...row }))).toEqual([{ one: 1 }])
  })

  test('connect with a callback returns nothing, and gives the client and its release', async () => {
    await using pool = ending(way.pool())
    let returned: unknown = 'something'
    const [error, client, release] = await called<ConnectValues>((callback) => {
      returned = pool.connect(callback)
    })
    expect(returned).toBeUndefined()
    expect(error).toBeUndefined()
    expect({ ...client }.release).toBe(release)
    release()
    expect(pool.idleCount).toBe(1)
  })

  test('connect calls back later, also when a client is idle', async () => {
    await using pool = ending(way.pool())
    const first = await pool.connect()
    first.release()
    let isCalled = false
    const connected = called<ConnectValues>((callback) =>
      pool.connect((...values) => {
        isCalled = true
        callback(...values)
      }),
    )
    expect(isCalled).toBe(false)
    const [, client, release] = await connected
    expect(client).toBe(first)
    release()
  })

  test('a query takes its text, values, configuration and callback in every form', async () => {
    await using pool = ending(way.pool())
    const text = 'SELECT $1::text AS name'
    const values = ['a']
    const results = [
      await pool.query(text, values),
      await pool.query({ text, values }),
      (await called<QueryValues>((callback) => pool.query(text, values, callback)))[1],
      (await called<QueryValues>((callback) => pool.query({ text, values }, callback)))[1],
      (await called<QueryValues>((callback) => pool.query("SELECT 'a' AS name", callback)))[1],
    ]
    expect(results.map((result) => result?.rows[0]?.name)).toEqual(['a', 'a', 'a', 'a', 'a'])
    const array = await pool.query({ text, values, rowMode: 'array' })
    expect(array.rows).toEqual([['a']])
  })

  test('a query with a callback returns nothing, and calls back without an error', async () => {
    await using pool = ending(way.pool())
    let returned: unknown = 'something'
    const [error, result] = await called<QueryValues>((callback) => {
      returned = pool.query('SELECT 1', callback)
    })
    expect(returned).toBeUndefined()
    expect(error).toBeUndefined()
    expect(result?.rowCount).toBe(1)
  })

  test('a query that is a function is refused in its own callback', async () => {
    await using pool = ending(way.pool())
    const [error] = await called<[Error]>((callback) => pool.query(callback as never))
    expect(error.message).toBe(
      'Passing a function as the first parameter to pool.query is not supported',
    )
  })

  test('a query that is nothing is rejected, and its client is closed', async () => {
    await using pool = ending(way.pool())
    await expect(pool.query(null as never)).rejects.toThrow(TypeError)
    expect(pool.totalCount).toBe(0)
  })

  test('a statement that fails gives the server error, and its client is closed', async () => {
    await using pool = ending(way.pool())
    const failure = await pool.query('SELECT missing').catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'error', severity: 'ERROR', code: '42703' })
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a pool of one survives many failing statements in a row', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const failures: unknown[] = []
    for (let statement = 0; statement < 20; statement += 1) {
      await pool.query('nonsense').catch((error: unknown) => failures.push(error))
    }
    expect(failures).toHaveLength(20)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('statements that fail at the same time leave no client behind', async () => {
    await using pool = ending(way.pool({ max: 4 }))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => pool.query('SELECT missing')),
    )
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([0, 0, 0])
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('the counters tell of every moment of a client', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const counts = (): number[] => [
      pool.totalCount,
      pool.idleCount,
      pool.waitingCount,
      pool.expiredCount,
    ]
    expect(counts()).toEqual([0, 0, 0, 0])
    const first = pool.connect()
    expect(counts()).toEqual([1, 0, 0, 0])
    const second = pool.connect()
    expect(counts()).toEqual([1, 0, 1, 0])
    ;(await first).release()
    const client = await second
    expect(counts()).toEqual([1, 0, 0, 0])
    client.release()
    expect(counts()).toEqual([1, 1, 0, 0])
    const third = await pool.connect()
    third.release(true)
    expect(counts()).toEqual([0, 0, 0, 0])
  })

  test('the lists that others read are there: _clients, _idle, _pendingQueue', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const inside = pool as unknown as {
      _clients: pg.Client[]
      _idle: { client: pg.Client }[]
      _pendingQueue: unknown[]
    }
    const client = await pool.connect()
    const queued = pool.connect()
    expect(inside._clients).toEqual([client])
    expect(inside._idle).toEqual([])
    expect(inside._pendingQueue).toHaveLength(1)
    client.release()
    ;(await queued).release()
    expect(inside._idle.map((item) => item.client)).toEqual([client])
  })

  test('callers are served in the order in which they came', async () => {
    await using pool = ending(way.pool({ max: 2 }))
    const held = await Promise.all([pool.connect(), pool.connect()])
    const served: number[] = []
    const callers = Array.from({ length: 28 }, async (_, caller) => {
      const client = await pool.connect()
      served.push(caller)
      await client.query('SELECT 1')
      client.release()
    })
    for (const client of held) client.release()
    await Promise.all(callers)
    expect(served).toEqual(Array.from({ length: 28 }, (_, caller) => caller))
    expect(pool.totalCount).toBe(2)
  })

  test('the client that was given back last is lent first', async () => {
    await using pool = ending(way.pool({ max: 2 }))
    const [first, second] = await Promise.all([pool.connect(), pool.connect()])
    first.release()
    second.release()
    const next = await pool.connect()
    expect(next).toBe(second)
    next.release()
  })

  test('giving a client back twice throws, each time, by either function', async () => {
    await using pool = ending(way.pool())
    const message = 'Release called on client which has already been released to the pool.'
    const client = await pool.connect()
    client.release()
    expect(() => client.release()).toThrow(message)
    expect(() => client.release()).toThrow(message)
    const [, , done] = await called<ConnectValues>((callback) => pool.connect(callback))
    done()
    expect(() => done()).toThrow(message)
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test.each([true, new Error('broken')])('release(%s) closes the client', async (reason) => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    client.release(reason)
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    const other = await pool.connect()
    expect(other).not.toBe(client)
    other.release()
  })

  test('the options have the defaults of the driver', async () => {
    await using pool = ending(way.pool())
    expect(pool.options).toMatchObject({
      max: 10,
      min: 0,
      maxUses: Infinity,
      allowExitOnIdle: false,
      maxLifetimeSeconds: 0,
      idleTimeoutMillis: 10_000,
    })
    expect(pool.ending).toBe(false)
    expect(pool.ended).toBe(false)
  })

  test('the options that were given stay as they are, and reach the clients', async () => {
    const options = { max: 3, binary: true, application_name: 'drop-in' }
    const given = { ...options }
    await using pool = ending(way.pool(options))
    expect(pool.options).toMatchObject(given)
    const client = await pool.connect()
    expect((client as unknown as { binary: boolean }).binary).toBe(true)
    client.release()
    expect(options).toEqual(given)
  })

  test('poolSize is another name for max', async () => {
    const options: pg.PoolConfig & { poolSize: number } = { poolSize: 3 }
    await using pool = ending(way.pool(options))
    await Promise.all(Array.from({ length: 10 }, () => pool.query('SELECT 1')))
    expect(pool.options.max).toBe(3)
    expect(pool.totalCount).toBe(3)
  })

  test('no listener stands on the pool but those of its user', async () => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    expect(pool.eventNames()).toEqual([])
    // One for its whole life in the pool is the idle one, which is off while it is lent.
    expect(client.eventNames().filter((name) => name === 'error')).toEqual([])
    client.release()
    expect(client.listenerCount('error')).toBe(1)
    expect(pool.eventNames()).toEqual([])
  })

  test('a cursor reads through a lent client', async () => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    const cursor = client.query(new Cursor('SELECT * FROM generate_series(1, 10)'))
    expect(await cursor.read(4)).toHaveLength(4)
    await cursor.close()
    client.release()
  })

  test('an exception in the callback of connect is the process’s, not the pool’s', async () => {
    await using pool = ending(way.pool())
    const thrown = new Error('from the callback')
    const caught = called<[Error]>((callback) => process.once('uncaughtException', callback))
    const listeners = process.listeners('uncaughtException').slice(0, -1)
    for (const listener of listeners) process.removeListener('uncaughtException', listener)
    pool.connect((_error, client) => {
      client?.release()
      throw thrown
    })
    expect((await caught)[0]).toBe(thrown)
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
})
