import { once } from 'node:events'
import pg from 'pg'
import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { oddServer } from './odd-server.ts'
import { called, threeWays } from './three-ways.ts'

const withoutTls = await serverAddress('postgres-without-tls')

type QueryValues = [error: Error | null | undefined, result: pg.QueryResult | undefined]

/** Connects a client that ends with its block. */
async function connected(client: pg.Client): Promise<pg.Client & AsyncDisposable> {
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

/** What a promise that is expected to fail fails with. */
function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  )
}

threeWays((way, stage) => {
  test('connect gives the client itself, by promise and by callback', async () => {
    const one = way.client()
    expect(await one.connect()).toBe(one)
    await one.end()
    const other = way.client()
    let returned: unknown = 'something'
    const values = await called<unknown[]>((callback) => {
      returned = other.connect(callback as never)
    })
    expect(values).toEqual([null, other])
    expect(returned).toBeUndefined()
    returned = 'something'
    const ended = await called<unknown[]>((callback) => {
      returned = other.end(callback as never)
    })
    expect(ended).toEqual([])
    expect(returned).toBeUndefined()
  })

  test('a connected client knows where and who it is', async () => {
    await using client = await connected(way.client())
    const { place, account } = stage
    expect(client).toMatchObject({
      host: place.host,
      port: place.port,
      database: place.database,
      user: account.user,
      password: account.password,
    })
    expect((client as unknown as { processID: number }).processID).toBeGreaterThan(0)
  })

  test('the callback comes before the connect event, and no listener is ours', async () => {
    const client = way.client()
    const order: string[] = []
    client.on('connect', () => order.push('event'))
    client.connect(() => order.push('callback'))
    await once(client, 'connect')
    expect(order).toEqual(['callback', 'event'])
    expect(client.eventNames()).toEqual(['connect'])
    await client.end()
  })

  test('statements from before the connection run in order', async () => {
    const client = way.client()
    const seen: number[] = []
    const statements = [1, 2, 3].map(async (number) => {
      await client.query('SELECT $1::int', [number])
      seen.push(number)
    })
    await client.connect()
    await Promise.all(statements)
    expect(seen).toEqual([1, 2, 3])
    await client.end()
  })

  test('the events of a session come through: notice, notification, drain, end', async () => {
    const client = way.client()
    const seen: string[] = []
    client.on('notice', ({ message }) => seen.push(`notice ${message ?? ''}`))
    client.on('notification', ({ channel, payload }) =>
      seen.push(`notification ${channel} ${payload ?? ''}`),
    )
    client.on('end', () => seen.push('end'))
    await client.connect()
    await client.query("DO $$ BEGIN RAISE NOTICE 'here'; END $$")
    await client.query('LISTEN news')
    await client.query("NOTIFY news, 'read'")
    const drained = once(client, 'drain')
    client.query('SELECT 1').catch(() => {})
    await drained
    await client.end()
    await until('the end event', () => seen.includes('end'))
    expect(seen).toEqual(['notice here', 'notification news read', 'end'])
  })

  test('a second connect is an error, by promise and by callback, and harms nothing', async () => {
    await using client = await connected(way.client())
    const message = 'Client has already been connected. You cannot reuse a client.'
    await expect(client.connect()).rejects.toThrow(message)
    const [error] = await called<[Error]>((callback) => client.connect(callback))
    expect(error.message).toBe(message)
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a second connect while the first is under way is an error', async () => {
    const client = way.client()
    const first = called((callback) => client.connect(callback as never))
    const [error] = await called<[Error]>((callback) => client.connect(callback))
    expect(error.message).toContain('already been connected')
    // The driver has overwritten the first callback by then, so that it may never come.
    if (way.rotates) expect(await first).toEqual([null, client])
    await client.end()
  })

  test('a client that has ended takes no statement and ends again', async () => {
    const client = await connected(way.client())
    await client.end()
    const [error] = await called<QueryValues>((callback) => client.query('SELECT 1', callback))
    expect(error?.message).toBe('Client was closed and is not queryable')
    await client.end()
    expect(await called<unknown[]>((callback) => client.end(callback as never))).toEqual([])
  })

  test('a client that never connected ends at once', async () => {
    const client = way.client()
    let isCalled = false
    client.end(() => {
      isCalled = true
    })
    expect(isCalled).toBe(true)
    await client.end()
  })

  test('a client that ends while it connects leaves nothing behind', async () => {
    const client = way.client()
    // Nobody looks at the promise: there must be no unhandled rejection.
    void client.connect()
    await client.end()
    const session = (client as unknown as { processID: number | null }).processID
    expect(session).toBeNull()
    await until('the session to be gone', async () => {
      const sessions = await stage.place.sessions()
      return sessions.every(({ id }) => id !== session)
    })
  })

  test('a statement that runs when its client ends fails', async () => {
    const client = await connected(way.client())
    // The backend goes on with it, whatever the client does.
    const running = failureOf(client.query('SELECT pg_sleep(1)'))
    await client.end()
    expect((await running).message).toBe('Connection terminated')
  })

  test('a backend that is killed fails the statement, and says so', async () => {
    const client = await connected(way.client())
    const events: string[] = []
    client.on('error', (error) => events.push(`error ${error.message}`))
    client.on('end', () => events.push('end'))
    await client.query('SET ROLE NONE')
    const failed = await failureOf(client.query('SELECT pg_terminate_backend(pg_backend_pid())'))
    expect(failed).toMatchObject({ code: '57P01' })
    await until('the end event', () => events.includes('end'))
    expect(events).toEqual(['error Connection terminated unexpectedly', 'end'])
    expect((await failureOf(client.query('SELECT 1'))).message).toBe(
      'Client has encountered a connection error and is not queryable',
    )
    await client.end()
  })

  test('statements behind the one that kills the backend fail', async () => {
    const client = await connected(way.client())
    client.on('error', () => {})
    await client.query('SET ROLE NONE')
    const failures = await Promise.all([
      failureOf(client.query('SELECT pg_terminate_backend(pg_backend_pid())')),
      failureOf(client.query('SELECT 1')),
      failureOf(client.query('SELECT 2')),
    ])
    expect(failures.map(({ message }) => message)).toEqual([
      'terminating connection due to administrator command',
      'Connection terminated unexpectedly',
      'Connection terminated unexpectedly',
    ])
    await client.end()
  })

  test('an error of the connection is an error event of the client', async () => {
    await using client = await connected(way.client())
    const heard = once(client, 'error')
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    connection.emit('error', new Error('expected'))
    expect((await heard)[0]).toMatchObject({ message: 'expected' })
  })

  test.each([
    ['a port where nobody listens', { port: 1 }, { code: 'ECONNREFUSED' }],
    ['a host that does not exist', { host: 'nowhere.invalid' }, { syscall: 'getaddrinfo' }],
    ['a database that does not exist', { database: 'nowhere' }, { code: '3D000' }],
    ['an option that the server refuses', { options: '-c nonsense=1' }, { code: '42704' }],
    [
      'a server without TLS',
      { port: withoutTls.port, ssl: true },
      { message: 'The server does not support SSL connections' },
    ],
  ])('%s is the caller’s error', async (_name, options, expected) => {
    const client = way.client(options)
    client.on('error', () => expect.unreachable('connecting is not an event'))
    expect(await failureOf(client.connect())).toMatchObject(expected)
    const other = way.client(options)
    const [error] = await called<[Error]>((callback) => other.connect(callback))
    expect(error).toMatchObject(expected)
    await client.end()
    await other.end()
  })

  test('a login that fails ends its statements, its events and its session', async () => {
    const client = way.client({ database: 'nowhere' })
    const ended = once(client, 'end')
    const statement = failureOf(client.query('SELECT 1'))
    expect(await failureOf(client.connect())).toMatchObject({ code: '3D000' })
    await ended
    expect((await statement).message).toBe('Connection terminated unexpectedly')
    expect((await failureOf(client.connect())).message).toContain('already been connected')
    await client.end()
  })

  test('a server that hangs up at once is the caller’s error', async () => {
    await using server = await oddServer((socket) => socket.destroy())
    const { host, port } = server
    const { message } = await failureOf(way.client({ host, port }).connect())
    expect(message).toMatch(/Connection terminated unexpectedly|ECONNRESET/)
    expect(server.accepted).toBe(1)
  })

  test('a server that speaks another protocol is the caller’s error', async () => {
    await using server = await oddServer((socket) => socket.write('\u0015I am not PostgreSQL.'))
    const { host, port } = server
    const client = way.client({ host, port, connectionTimeoutMillis: 500 })
    client.on('error', () => {})
    expect(await failureOf(client.connect())).toBeInstanceOf(Error)
    await until('the socket to close', () => server.open === 0)
  })

  test('a server that never answers is the caller’s error after connectionTimeoutMillis', async () => {
    await using server = await oddServer()
    const { host, port } = server
    const client = way.client({ host, port, connectionTimeoutMillis: 100 })
    expect((await failureOf(client.connect())).message).toBe('timeout expired')
    await until('the socket to close', () => server.open === 0)
    await client.end()
  })

  test('timeouts of a statement end it, not the client', async () => {
    await using client = await connected(way.client({ statement_timeout: 500 }))
    expect(await failureOf(client.query('SELECT pg_sleep(60)'))).toMatchObject({ code: '57014' })
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
    const read = await failureOf(
      client.query({ text: 'SELECT pg_sleep(0.3)', query_timeout: 20 } as pg.QueryConfig),
    )
    expect(read.message).toBe('Query read timeout')
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
  })

  test('types, escapes and result modes are the driver’s', async () => {
    await using client = await connected(way.client())
    client.setTypeParser(pg.types.builtins.INT8, (text) => BigInt(text))
    const { rows } = await client.query('SELECT 9007199254740993::int8 AS big')
    expect(rows[0].big).toBe(9007199254740993n)
    expect(client.escapeIdentifier('a"b')).toBe('"a""b"')
    expect(client.escapeLiteral("a'b")).toBe("'a''b'")
    const { rows: arrays } = await client.query({ text: 'SELECT 1, 2', rowMode: 'array' })
    expect(arrays).toEqual([[1, 2]])
    expect(await client.query('SELECT 1; SELECT 2')).toMatchObject([
      { rowCount: 1 },
      { rowCount: 1 },
    ])
    expect((await client.query('')).command).toBeNull()
  })

  test('a Query object calls back, and its events come', async () => {
    await using client = await connected(way.client())
    const query = client.query(new pg.Query('SELECT 1 AS one'))
    const rows: unknown[] = []
    query.on('row', (row) => rows.push({ ...row }))
    await once(query, 'end')
    expect(rows).toEqual([{ one: 1 }])
  })

  test('a URL says where to connect', async () => {
    const { host, port, database } = stage.place
    const { user, password } = stage.account
    const login = way.rotates ? 'somebody' : `${user}:${password}`
    const connectionString = `postgres://${login}@${host}:${port}/${database}?application_name=url`
    await using client = await connected(way.client({ connectionString }))
    const { rows } = await client.query(
      "SELECT session_user AS user, current_setting('application_name') AS name",
    )
    expect({ ...rows[0] }).toEqual({ user, name: 'url' })
  })

  test('ref and unref reach the socket', async () => {
    await using client = await connected(way.client())
    const reach = client as unknown as { ref(): void; unref(): void }
    reach.unref()
    reach.ref()
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
  })
})
