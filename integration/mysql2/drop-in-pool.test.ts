import { tracingChannel } from 'node:diagnostics_channel'
import mysql, { type RowDataPacket } from 'mysql2'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { borrow, called, countsOf, ending, recordEvents, threeWays } from './three-ways.ts'

type QueryValues = [error: mysql.QueryError | null, rows: RowDataPacket[], fields: unknown[]]

const Pool = (mysql as unknown as { Pool: new () => mysql.Pool }).Pool

threeWays((way, setting) => {
  test('a pool is an instance of the class of the driver, by the same name', async () => {
    await using pool = ending(way.pool())
    expect(pool).toBeInstanceOf(Pool)
    expect(pool.constructor.name).toBe('Pool')
    expect('pool' in pool).toBe(false)
    expect(typeof pool.promise).toBe('function')
  })

  test('its configuration is what the driver makes of the options', async () => {
    await using pool = ending(
      way.pool({ connectionLimit: 3, connectTimeout: 2_500, flags: ['-ODBC'] }),
    )
    const odbc = 1 << 6
    const { clientFlags } = (
      pool.config as unknown as { connectionConfig: { clientFlags: number } }
    ).connectionConfig
    expect(clientFlags & odbc).toBe(0)
    expect(pool.config).toMatchObject({
      connectionLimit: 3,
      maxIdle: 3,
      idleTimeout: 60_000,
      queueLimit: 0,
      waitForConnections: true,
      connectionConfig: { connectTimeout: 2_500, host: setting.place.host, charsetNumber: 224 },
    })
  })

  test('the options that were given stay as they are', async () => {
    const options = way.config({ connectionLimit: 2 })
    const given = { ...options }
    await using pool = ending(way.pool(options))
    await called((callback) => pool.query('SELECT 1', callback))
    expect(options).toEqual(given)
  })

  test('a query takes its text, values, options and callback in every form', async () => {
    await using pool = ending(way.pool())
    const sql = 'SELECT ? AS name'
    const results = [
      await called<QueryValues>((callback) => pool.query(sql, ['a'], callback)),
      await called<QueryValues>((callback) => pool.query({ sql, values: ['a'] }, callback)),
      await called<QueryValues>((callback) => pool.query({ sql }, ['a'], callback)),
      await called<QueryValues>((callback) => pool.query("SELECT 'a' AS name", callback)),
      await called<QueryValues>((callback) => pool.execute(sql, ['a'], callback)),
      await called<QueryValues>((callback) => pool.execute({ sql, values: ['a'] }, callback)),
    ]
    for (const [error, rows, fields] of results) {
      expect(error).toBeNull()
      expect(rows.map((row) => ({ ...row }))).toEqual([{ name: 'a' }])
      expect(fields).toHaveLength(1)
    }
    expect(countsOf(pool)).toEqual([1, 1, 0])
  })

  test('namedPlaceholders, rowsAsArray and dateStrings reach the statements', async () => {
    await using pool = ending(
      way.pool({ namedPlaceholders: true, rowsAsArray: true, dateStrings: true }),
    )
    const [error, rows] = await called<QueryValues>((callback) =>
      pool.query('SELECT :one, CAST("2020-01-02" AS DATE)', { one: 1 }, callback),
    )
    expect([error, rows]).toEqual([null, [[1, '2020-01-02']]])
  })

  test('a statement that fails gives the error of the server, and its connection lives on', async () => {
    await using pool = ending(way.pool())
    const [error] = await called<QueryValues>((callback) => pool.query('SELECT missing', callback))
    expect(error).toMatchObject({
      code: 'ER_BAD_FIELD_ERROR',
      errno: 1054,
      sqlState: '42S22',
      sql: 'SELECT missing',
    })
    expect(countsOf(pool)).toEqual([1, 1, 0])
  })

  test('a query without a callback emits its rows, and streams them', async () => {
    await using pool = ending(way.pool())
    const rows: unknown[] = []
    const query = pool.query('SELECT 1 AS n UNION SELECT 2')
    query.on('result', (row) => rows.push({ ...(row as object) }))
    await called((callback) => query.on('end', callback))
    expect(rows).toEqual([{ n: 1 }, { n: 2 }])
    const streamed: unknown[] = []
    for await (const row of pool.query('SELECT 1 AS n UNION SELECT 2').stream()) streamed.push(row)
    expect(streamed).toHaveLength(2)
  })

  test('events come in the order and the number that the driver has', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const heard = recordEvents(pool, ['acquire', 'connection', 'enqueue', 'release'])
    const first = await borrow(pool)
    expect(heard).toEqual(['connection', 'acquire'])
    const waiting = borrow(pool)
    expect(heard).toEqual(['connection', 'acquire', 'enqueue'])
    first.release()
    const second = await waiting
    // Served from the queue: neither released nor acquired.
    expect(second).toBe(first)
    expect(heard).toEqual(['connection', 'acquire', 'enqueue'])
    second.release()
    expect(heard.slice(3)).toEqual(['release'])
    ;(await borrow(pool)).release()
    expect(heard.slice(4)).toEqual(['acquire', 'release'])
  })

  test('a listener of connection prepares a session before its first user has it', async () => {
    await using pool = ending(way.pool())
    pool.on('connection', (connection) => void connection.query('SET @prepared = 7', () => {}))
    const [, rows] = await called<QueryValues>((callback) =>
      pool.query('SELECT @prepared AS prepared', callback),
    )
    expect(rows).toMatchObject([{ prepared: 7 }])
  })

  test('the lists that others read tell of every moment of a connection', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    expect(countsOf(pool)).toEqual([0, 0, 0])
    const first = await borrow(pool)
    expect(countsOf(pool)).toEqual([1, 0, 0])
    const waiting = borrow(pool)
    expect(countsOf(pool)).toEqual([1, 0, 1])
    first.release()
    expect(countsOf(pool)).toEqual([1, 0, 0])
    const second = await waiting
    second.release()
    expect(countsOf(pool)).toEqual([1, 1, 0])
    const third = await borrow(pool)
    third.destroy()
    expect(countsOf(pool)).toEqual([0, 0, 0])
  })

  test('the end of its stream takes a connection out of the lists at once', async () => {
    await using pool = ending(way.pool())
    const connection = await borrow(pool)
    const { stream } = connection as unknown as { stream: NodeJS.EventEmitter }
    stream.emit('end')
    expect(countsOf(pool)).toEqual([0, 0, 0])
    connection.destroy()
  })

  test('callers are served in the order in which they came', async () => {
    await using pool = ending(way.pool({ connectionLimit: 2 }))
    const held = await Promise.all([borrow(pool), borrow(pool)])
    const served: number[] = []
    const callers = Array.from({ length: 28 }, async (_, caller) => {
      const connection = await borrow(pool)
      served.push(caller)
      await called((callback) => connection.query('SELECT 1', callback))
      connection.release()
    })
    for (const connection of held) connection.release()
    await Promise.all(callers)
    expect(served).toEqual(Array.from({ length: 28 }, (_, caller) => caller))
    expect(countsOf(pool)).toEqual([2, 2, 0])
  })

  test('the connection that was given back last is lent first', async () => {
    await using pool = ending(way.pool({ connectionLimit: 2 }))
    const [first, second] = await Promise.all([borrow(pool), borrow(pool)])
    first.release()
    second.release()
    expect(await borrow(pool)).toBe(second)
  })

  test('giving a connection back twice does nothing', async () => {
    await using pool = ending(way.pool())
    const connection = await borrow(pool)
    connection.release()
    connection.release()
    expect(countsOf(pool)).toEqual([1, 1, 0])
  })

  test('a callback comes later, also where a connection is free', async () => {
    await using pool = ending(way.pool())
    ;(await borrow(pool)).release()
    let isCalled = false
    const borrowing = called<[unknown, mysql.PoolConnection]>((callback) =>
      pool.getConnection((...values) => {
        isCalled = true
        callback(...values)
      }),
    )
    expect(isCalled).toBe(false)
    ;(await borrowing)[1].release()
  })

  test('waitForConnections: false and queueLimit turn callers away in words of the driver', async () => {
    await using impatient = ending(way.pool({ connectionLimit: 1, waitForConnections: false }))
    const held = await borrow(impatient)
    await expect(borrow(impatient)).rejects.toThrow('No connections available.')
    held.release()
    await using short = ending(way.pool({ connectionLimit: 1, queueLimit: 1 }))
    const first = await borrow(short)
    const waiting = borrow(short)
    await expect(borrow(short)).rejects.toThrow('Queue limit reached.')
    first.release()
    ;(await waiting).release()
  })

  test('a destroyed connection makes room for the next caller', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const first = await borrow(pool)
    const waiting = borrow(pool)
    first.destroy()
    const second = await waiting
    expect(second).not.toBe(first)
    second.release()
  })

  test('it makes room for a caller that is not to wait, too', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1, waitForConnections: false }))
    ;(await borrow(pool)).destroy()
    ;(await borrow(pool)).release()
  })

  test('connectionLimit is read live', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const first = await borrow(pool)
    pool.config.connectionLimit = 2
    const second = await borrow(pool)
    expect(countsOf(pool)).toEqual([2, 0, 0])
    first.release()
    second.release()
  })

  test('connectionLimit: 0 sets no limit', async () => {
    await using pool = ending(way.pool({ connectionLimit: 0 }))
    const connections = await Promise.all(Array.from({ length: 12 }, () => borrow(pool)))
    expect(countsOf(pool)).toEqual([12, 0, 0])
    for (const connection of connections) connection.release()
  })

  test('resetOnRelease gives the next user a clean session', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1, resetOnRelease: true }))
    const connection = await borrow(pool)
    await called((callback) => connection.query('SET @mine = 1', callback))
    connection.release()
    const [, rows] = await called<QueryValues>((callback) =>
      pool.query('SELECT @mine AS mine', callback),
    )
    expect(rows).toMatchObject([{ mine: null }])
    await until('the release', () => countsOf(pool)[1] === 1)
  })

  test('idle connections leave after their time, down to maxIdle', async () => {
    await using pool = ending(way.pool({ connectionLimit: 3, maxIdle: 1, idleTimeout: 60_000 }))
    const connections = await Promise.all([borrow(pool), borrow(pool), borrow(pool)])
    for (const connection of connections) connection.release()
    await until('the surplus to leave', () => countsOf(pool)[0] === 1)
    expect(countsOf(pool)).toEqual([1, 1, 0])
  })

  test('a connection that the server ends leaves the lists, and the pool goes on', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const connection = await borrow(pool)
    const { threadId } = connection
    connection.release()
    await setting.place.kill({ id: threadId, user: '' })
    await until('it to be noticed', () => countsOf(pool)[0] === 0)
    const [error] = await called<QueryValues>((callback) => pool.query('SELECT 1', callback))
    expect(error).toBeNull()
  })

  test('a lent connection that the server ends fails its statement with the code of the driver', async () => {
    await using pool = ending(way.pool())
    const connection = await borrow(pool)
    const asked = called<QueryValues>((callback) => connection.query('SELECT sleep(20)', callback))
    await setting.place.kill({ id: connection.threadId, user: '' })
    expect((await asked)[0]).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
    expect(countsOf(pool)).toEqual([0, 0, 0])
  })

  test('a server that is not there gives the error of the system, at every call', async () => {
    await using pool = ending(way.pool({ port: 1 }))
    for (let call = 0; call < 3; call += 1) {
      await expect(borrow(pool)).rejects.toMatchObject({ code: 'ECONNREFUSED', fatal: true })
    }
    await until('its places to be free', () => countsOf(pool)[0] === 0)
  })

  test('an unknown database gives the error of the server', async () => {
    await using pool = ending(way.pool({ database: 'nowhere' }))
    await expect(borrow(pool)).rejects.toMatchObject({ errno: 1044 })
  })

  test('format, escape and escapeId are the functions of the driver', async () => {
    await using pool = ending(way.pool())
    expect(pool.format('SELECT ?, ??', ['it’s', 'a'])).toBe("SELECT 'it’s', `a`")
    expect(pool.escape("it's")).toBe(String.raw`'it\'s'`)
    expect(pool.escapeId('a.b')).toBe('`a`.`b`')
  })

  test('a URL in uri says where to, and options say the rest', async () => {
    const { host, port, database } = setting.place
    const uri = `mysql://${host}:${port}/${database}?connectTimeout=3000`
    await using pool = ending(
      way.pool({ ...way.config(), host: '', port: 0, database: '', uri, rowsAsArray: true }),
    )
    const [error, rows] = await called<QueryValues>((callback) =>
      pool.query('SELECT database()', callback),
    )
    expect([error, rows]).toEqual([null, [[database]]])
    expect(pool.config).toMatchObject({ connectionConfig: { connectTimeout: 3000 } })
  })

  test('the channel of the driver tells of each caller, and to which server', async () => {
    const heard: unknown[] = []
    const channel = tracingChannel('mysql2:pool:connect')
    const handlers = {
      start: (context: object) => heard.push(['start', { ...context }]),
      asyncEnd: () => heard.push('asyncEnd'),
    } as unknown as Parameters<typeof channel.subscribe>[0]
    channel.subscribe(handlers)
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const first = await borrow(pool)
    const waiting = borrow(pool)
    first.release()
    ;(await waiting).release()
    await borrow(way.pool({ port: 1 })).catch(() => {})
    channel.unsubscribe(handlers)
    const { host, port, database } = setting.place
    const start = (serverPort: number): unknown => [
      'start',
      { database, serverAddress: host, serverPort },
    ]
    const [one, two, three] = [start(port), start(port), start(1)]
    expect(heard).toEqual([one, 'asyncEnd', two, 'asyncEnd', three, 'asyncEnd'])
  })

  test('no listener stands on the pool but those of its user', async () => {
    await using pool = ending(way.pool())
    const connection = await borrow(pool)
    expect(pool.eventNames()).toEqual([])
    // The driver's own: it removes what is broken from the pool.
    expect(connection.listenerCount('error')).toBe(1)
    expect(connection.listenerCount('end')).toBe(1)
    connection.release()
  })

  test('a connection has its user and password in its configuration, and prints none that is ours', async () => {
    await using pool = ending(way.pool())
    const connection = await borrow(pool)
    const { user, password } = setting.account
    expect([connection.config.user, connection.config.password]).toEqual([user, password])
    expect(Object.values(connection.config).includes(password)).toBe(!way.rotates)
    connection.release()
  })
})
