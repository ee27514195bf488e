import { expect, test, vi } from 'vitest'
import { until } from '../until.ts'
import { oddServer } from './odd-server.ts'
import { called, ending, threeWays } from './three-ways.ts'

threeWays((way) => {
  test('a server that never answers is the caller’s error after connectionTimeoutMillis', async () => {
    await using server = await oddServer()
    const { host, port } = server
    await using pool = ending(way.pool({ host, port, connectionTimeoutMillis: 50 }))
    const message = 'Connection terminated due to connection timeout'
    await expect(pool.connect()).rejects.toMatchObject({ message, cause: expect.any(Error) })
    const [error, client, release] = await called<[Error, unknown, () => void]>((callback) =>
      pool.connect(callback as never),
    )
    expect(error.message).toBe(message)
    expect(client).toBeUndefined()
    expect(release).toBeTypeOf('function')
    await expect(pool.query('SELECT 1')).rejects.toThrow(message)
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    await until('the sockets to close', () => server.open === 0)
  })

  test('callers one after the other, and all at once, each get their timeout', async () => {
    await using server = await oddServer()
    const { host, port } = server
    await using pool = ending(way.pool({ host, port, connectionTimeoutMillis: 5 }))
    for (let caller = 0; caller < 10; caller += 1) {
      await expect(pool.connect()).rejects.toThrow('timeout')
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 25 }, () => pool.connect()))
    const messages = outcomes.map(({ status }) => status)
    expect(new Set(messages)).toEqual(new Set(['rejected']))
    await until('the pool to be empty', () => pool.totalCount === 0)
  })

  test('a queued caller gets its timeout, and the pool goes on', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    pool.options.connectionTimeoutMillis = 50
    const message = 'timeout exceeded when trying to connect'
    const [error, none] = await called<[Error, unknown]>((callback) =>
      pool.connect(callback as never),
    )
    expect(error.message).toBe(message)
    expect(none).toBeUndefined()
    await expect(pool.query('SELECT 1')).rejects.toThrow(message)
    expect(pool.waitingCount).toBe(0)
    client.release()
    pool.options.connectionTimeoutMillis = 60_000
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a queued caller that times out does not take another one’s turn', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    pool.options.connectionTimeoutMillis = 50
    const first = expect(pool.connect()).rejects.toThrow('timeout')
    pool.options.connectionTimeoutMillis = 60_000
    const second = pool.connect()
    await first
    client.release()
    const next = await second
    expect(next).toBe(client)
    next.release()
  })

  test('callers behind a connection that fails are served or told', async () => {
    await using server = await oddServer((socket) => socket.destroy())
    const { host, port } = server
    await using pool = ending(way.pool({ host, port, max: 1 }))
    const outcomes = await Promise.allSettled([pool.connect(), pool.connect(), pool.query('x')])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(server.accepted).toBe(3)
    expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
  })

  test('a client that came in time lives on after connectionTimeoutMillis', async () => {
    await using pool = ending(way.pool({ connectionTimeoutMillis: 60_000, max: 1 }))
    // Those of the driver and of ours. The network takes its own time.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const connecting = pool.connect()
    try {
      await connecting
      vi.advanceTimersByTime(120_000)
    } finally {
      vi.useRealTimers()
    }
    const client = await connecting
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
    client.release()
    expect(await pool.connect().then((next) => (next.release(), next))).toBe(client)
  })
})
