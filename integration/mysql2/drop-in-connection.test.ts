import { connect, Socket } from 'node:net'
import { createCredentials, fromFunction } from '@rekey/core'
import mysql, { type RowDataPacket } from 'mysql2'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startProxy } from '../servers/proxy.ts'
import { inTime, until } from '../until.ts'
import { greeting, oddServer, packet } from './odd-server.ts'
import { called, recordEvents, threeWays } from './three-ways.ts'

type QueryValues = [error: mysql.QueryError | null, rows: RowDataPacket[]]

const full = packet(0, [255, 16, 4], 'Too many connections')
const denied = (sequence: number): Buffer => packet(sequence, [255, 20, 4], '#42000Access denied')

threeWays((way, setting) => {
  test('a connection is there at once, and takes statements before it is connected', async () => {
    const connection = way.connection()
    expect(connection).toBeInstanceOf(mysql.Connection)
    expect(connection.constructor.name).toBe('Connection')
    const [error, rows] = await called<QueryValues>((callback) =>
      connection.query('SELECT 1 AS one', callback),
    )
    expect([error, rows]).toMatchObject([null, [{ one: 1 }]])
    await end(connection)
  })

  test('it emits connect once, and calls back from connect', async () => {
    const connection = way.connection()
    let connects = 0
    connection.on('connect', () => (connects += 1))
    const [error] = await called<[unknown]>((callback) => connection.connect(callback))
    expect(error).toBeNull()
    expect(connects).toBe(1)
    expect(connection.threadId).toBeGreaterThan(0)
    await end(connection)
  })

  test('its configuration has all that was given, and its user', async () => {
    const connection = way.connection({ connectTimeout: 4_000, charset: 'utf8mb4' })
    await called((callback) => connection.connect(callback))
    expect(connection.config).toMatchObject({ connectTimeout: 4_000, user: setting.account.user })
    expect((connection.config as { stream?: unknown }).stream).toBeUndefined()
    await end(connection)
  })

  test.each([
    ['is there', { enableKeepAlive: true, keepAliveInitialDelay: 5_000 }, [[true, 5_000]]],
    ['is there with the delay of the driver', {}, [[true, undefined]]],
    ['is not there', { enableKeepAlive: false }, []],
  ])('its socket has no delay; what keeps it alive %s', async (_what, options, kept) => {
    const calls = recordSocketCalls()
    // By what is known to work, and by what nobody has logged in with yet.
    await using credentials = createCredentials(
      fromFunction(() => setting.account),
      { overlap: 60_000 },
    )
    const logins: object[] = way.rotates ? [{}, { credentials }] : [{}]
    for (const login of logins) {
      const connection = way.connection({ ...options, ...login })
      await called((callback) => connection.connect(callback))
      const { stream } = connection as unknown as { stream: Socket }
      expect(calls(stream)).toEqual({ setNoDelay: [[true]], setKeepAlive: kept })
      await end(connection)
    }
  })

  test('a stream of the user is the one that is used, made or to be made', async () => {
    const { host, port } = setting.place
    const made: unknown[] = []
    const make = (): ReturnType<typeof connect> => {
      const socket = connect(port, host)
      made.push(socket)
      return socket
    }
    for (const stream of [make, make()]) {
      const connection = way.connection({ stream })
      const [error] = await called<QueryValues>((callback) =>
        connection.query('SELECT 1', callback),
      )
      expect(error).toBeNull()
      const used = (connection as unknown as { stream: unknown }).stream
      expect(made).toContain(used)
      await end(connection)
    }
  })

  test('an error of the server goes to the callback of connect, and to the first statement', async () => {
    const connection = way.connection({ database: 'nowhere' })
    connection.on('error', () => {})
    const asked = called<QueryValues>((callback) => connection.query('SELECT 1', callback))
    expect((await asked)[0]).toMatchObject({ errno: 1044 })
  })

  test('what the server says of a login is not called fatal, and the end follows', async () => {
    for (const isAsked of [false, true]) {
      // Of a cache that nobody has logged in with yet: then another connection goes first.
      await using credentials = createCredentials(
        fromFunction(() => setting.account),
        { overlap: 60_000 },
      )
      const options = way.rotates ? { database: 'nowhere', credentials } : { database: 'nowhere' }
      const connection = way.connection(options)
      const ended = called((callback) => connection.on('end', callback))
      const [error] = await called((callback) => {
        if (isAsked) connection.query('SELECT 1', callback)
        else connection.on('error', callback)
      })
      expect(error).toMatchObject({ errno: 1044, code: 'ER_DBACCESS_DENIED_ERROR' })
      expect(error).not.toHaveProperty('fatal')
      await ended
      const [again] = await called((callback) => connection.connect(callback))
      expect(again).toBe(error)
    }
  })

  test('over TLS the end of a connection whose login failed is not told', async () => {
    await using credentials = createCredentials(
      fromFunction(() => setting.account),
      { overlap: 60_000 },
    )
    const own: object = way.rotates ? { credentials } : {}
    const ssl = { rejectUnauthorized: false }
    const connection = way.connection({ ...own, database: 'nowhere', ssl })
    const heard = recordEvents(connection, ['end', 'error'])
    const { stream } = connection as unknown as { stream: NodeJS.EventEmitter }
    await called((callback) => stream.once('close', callback))
    expect(heard).toEqual(['error'])
  })

  test('an error of the system is an event where nobody has called back', async () => {
    const connection = way.connection({ port: 1 })
    const [error] = await called((callback) => connection.on('error', callback))
    expect(error).toMatchObject({ code: 'ECONNREFUSED', fatal: true })
  })

  test.each<[string, (socket: Socket) => void, string[]]>([
    [
      'refuses before it greets',
      (socket) => socket.end(full),
      ['error disconnected', 'end disconnected'],
    ],
    ['refuses', (socket) => answer(socket, denied(2)), ['error disconnected', 'end error']],
    [
      'refuses out of order',
      (socket) => answer(socket, denied(0)),
      ['warn protocol_handshake', 'error disconnected', 'end error'],
    ],
    [
      'answers what cannot be understood',
      (socket) => answer(socket, packet(2, [77])),
      ['error disconnected', 'end error'],
    ],
    ['hangs up', (socket) => socket.end(), ['end protocol_handshake', 'error error']],
  ])(
    'a server that %s is told in the order, and with the state, of the driver',
    async (_what, talk, told) => {
      const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
      onTestFinished(() => printed.mockRestore())
      await using server = await oddServer(talk)
      // Of a server that nobody has logged in to: then another connection goes first.
      const connection = way.connection({ host: '127.0.0.1', port: server.port })
      const stateOf = (): string => (connection as unknown as { state: string }).state
      const heard: string[] = []
      for (const name of ['warn', 'end', 'error']) {
        connection.on(name, () => heard.push(`${name} ${stateOf()}`))
      }
      await until('all that there is to hear', () => heard.length === told.length)
      expect(heard).toEqual(told)
      expect(stateOf()).toBe(told.at(-1)?.split(' ')[1])
    },
  )

  test('connectTimeout ends the wait for a server that says nothing', async () => {
    const { host, port } = setting.place
    await using proxy = await startProxy({ host, port })
    proxy.stall()
    const connection = way.connection({ host: proxy.host, port: proxy.port, connectTimeout: 150 })
    const [error] = await called((callback) => connection.on('error', callback))
    expect(error).toMatchObject({ code: 'ETIMEDOUT', errorno: 'ETIMEDOUT', syscall: 'connect' })
  })

  test('end before it is connected lets the statements before it finish', async () => {
    const connection = way.connection()
    const asked = called<QueryValues>((callback) => connection.query('SELECT 1 AS one', callback))
    const ended = end(connection)
    expect((await asked)[1]).toMatchObject([{ one: 1 }])
    await ended
  })

  test('destroy before it is connected leaves nothing behind', async () => {
    const connection = way.connection()
    connection.on('error', () => {})
    connection.destroy()
    const { stream } = connection as unknown as { stream: NodeJS.EventEmitter }
    await called((callback) => stream.once('close', callback))
  })

  test('destroy after it is connected is followed by its end', async () => {
    await using credentials = createCredentials(
      fromFunction(() => setting.account),
      { overlap: 60_000 },
    )
    const options: object = way.rotates ? { credentials } : {}
    const connection = way.connection(options)
    await called((callback) => connection.connect(callback))
    const ended = called((callback) => connection.on('end', callback))
    connection.destroy()
    await inTime('the end', ended)
  })

  test('changeUser goes to another user and back', async () => {
    const connection = way.connection()
    const other = await setting.place.createAccount()
    const [refused] = await called<[unknown]>((callback) => connection.changeUser(other, callback))
    expect(refused).toBeFalsy()
    const [, rows] = await called<QueryValues>((callback) =>
      connection.query("SELECT substring_index(user(), '@', 1) AS user", callback),
    )
    expect(rows).toMatchObject([{ user: other.user }])
    await end(connection)
  })
})

function end(connection: mysql.Connection): Promise<unknown> {
  return called((callback) => connection.end(() => callback()))
}

/** Greets, and says this to whoever logs in. */
function answer(socket: Socket, said: Buffer): void {
  socket.write(greeting)
  socket.once('data', () => socket.end(said))
}

/** What is asked of the sockets until the test is over, by socket: no socket tells what it was set to. */
function recordSocketCalls(): (socket: Socket) => object {
  const names = ['setNoDelay', 'setKeepAlive'] as const
  const spies = names.map((name) => vi.spyOn(Socket.prototype, name))
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
  return (socket) =>
    Object.fromEntries(
      names.map((name, index) => {
        const { calls, contexts } = spies[index]!.mock
        return [name, calls.filter((_, call) => contexts[call] === socket)]
      }),
    )
}
