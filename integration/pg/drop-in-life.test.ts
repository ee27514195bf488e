import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { called, ending, threeWays } from './three-ways.ts'

/** Writes down what a pool says, in order. */
function record(pool: pg.Pool): unknown[][] {
  const events: unknown[][] = []
  for (const name of ['connect', 'acquire', 'release', 'remove', 'error'] as const) {
    pool.on(name, (...values: unknown[]) => events.push([name, ...values]))
  }
  return events
}

threeWays((way, stage) => {
  test('the events of a client come in order, and before the callback', async () => {
    await using pool = ending(way.pool())
    const events = record(pool)
    const { length } = await called<unknown[]>((callback) =>
      pool.connect((_error, client, release) => {
        callback(...events)
        expect(events).toEqual([
          ['connect', client],
          ['acquire', client],
        ])
        release()
      }),
    )
    expect(length).toBe(2)
    const [, client] = events[0] as [string, pg.PoolClient]
    expect(events.slice(2)).toEqual([['release', undefined, client]])
    await pool.query('SELECT 1')
    expect(events.slice(3)).toEqual([
      ['acquire', client],
      ['release', null, client],
    ])
  })

  test('a client that is given back with an error says so, and is removed', async () => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    const events = record(pool)
    const reason = new Error('broken')
    client.release(reason)
    await until('the client to be removed', () => events.length === 2)
    expect(events).toEqual([
      ['release', reason, client],
      ['remove', client],
    ])
  })

  test('a client that is given back with an error amid its statement makes room at once, and its session goes on', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    const { processID } = client as unknown as { processID: number }
    const begun = called((callback) => client.once('notice', callback))
    const asked = client.query("DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(60); END $$")
    await begun
    client.release(new Error('broken'))
    await expect(asked).rejects.toThrow('Connection terminated')
    await pool.query('SELECT 1')
    const session = (await stage.place.sessions()).find(({ id }) => id === processID)
    expect(session).toBeDefined()
    await stage.place.kill(session!)
  })

  test('a refused connection is its caller’s error and no event', async () => {
    await using pool = ending(way.pool({ port: 1 }))
    const events = record(pool)
    const [error, client, release] = await called<[Error, unknown, () => void]>((callback) =>
      pool.connect(callback as never),
    )
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(client).toBeUndefined()
    expect(release).toBeTypeOf('function')
    release()
    expect(pool.totalCount).toBe(0)
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(events).toEqual([])
  })

  test('each acquire and each release is told, whoever asked', async () => {
    await using pool = ending(way.pool({ max: 4 }))
    const events = record(pool)
    const calls = Array.from({ length: 10 }, async () => {
      ;(await pool.connect()).release()
      await pool.query('SELECT 1')
    })
    await Promise.all(calls)
    const count = (name: string): number => events.filter(([event]) => event === name).length
    expect([count('acquire'), count('release')]).toEqual([20, 20])
    expect(count('connect')).toBeLessThanOrEqual(4)
  })

  test('an idle client that breaks is the pool’s error, and is removed', async () => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    client.release()
    const events = record(pool)
    const failure = new Error('on purpose')
    client.emit('error', failure)
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    expect(failure).toHaveProperty('client', client)
    expect(events[0]).toEqual(['error', failure, client])
    await until('the client to be removed', () => events.length === 2)
    expect(events[1]).toEqual(['remove', client])
  })

  test('an idle client whose backend is killed is the pool’s error, and is replaced', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    const { processID } = client as unknown as { processID: number }
    client.release()
    const events = record(pool)
    await stage.place.kill({ id: processID, user: stage.account.user })
    await until('the client to be removed', () => events.some(([name]) => name === 'remove'))
    expect(events[0]).toMatchObject(['error', { code: '57P01' }, { processID }])
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a lent client that breaks is its holder’s error, and stays until it is given back', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    const events = record(pool)
    const heard: Error[] = []
    client.on('error', (error) => heard.push(error))
    const { processID } = client as unknown as { processID: number }
    await stage.place.kill({ id: processID, user: stage.account.user })
    await until('the holder to hear of it', () => heard.length > 0)
    expect(heard[0]).toMatchObject({ code: '57P01' })
    expect(events).toEqual([])
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
    client.release()
    expect(pool.totalCount).toBe(0)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a lent client that ends, or loses its socket, is not lent again', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const first = await pool.connect()
    void first.end()
    first.release()
    expect(pool.totalCount).toBe(0)
    const second = await pool.connect()
    expect(second).not.toBe(first)
    const broken = called<[Error]>((callback) => second.once('error', callback))
    ;(second as unknown as { connection: { end(): void } }).connection.end()
    await broken
    expect(pool.totalCount).toBe(1)
    second.release()
    expect(pool.totalCount).toBe(0)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a statement of the pool whose client ends fails, and the pool goes on', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    pool.on('error', () => {})
    await pool.query('SELECT 1')
    const failed = pool.query('SELECT pg_sleep(1)').then(
      () => 'no error',
      (error: Error) => error.message,
    )
    const { _clients } = pool as unknown as {
      _clients: (pg.Client & { _getActiveQuery(): unknown })[]
    }
    await until('the statement to be sent', () => Boolean(_clients[0]?._getActiveQuery()))
    void _clients[0]?.end()
    expect(await failed).toBe('Connection terminated')
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('an error of the socket fails the statement of the pool, and the socket is destroyed', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    await pool.query('SELECT 1')
    const { _clients } = pool as unknown as {
      _clients: {
        _getActiveQuery(): unknown
        connection: { stream: NodeJS.EventEmitter & { destroyed: boolean } }
      }[]
    }
    const stream = _clients[0]?.connection.stream
    const failed = called<[Error]>((callback) =>
      pool.query('SELECT pg_sleep(1)', callback as never),
    )
    await until('the statement to be sent', () => Boolean(_clients[0]?._getActiveQuery()))
    stream?.emit('error', new Error('network issue'))
    expect((await failed)[0].message).toBe('network issue')
    expect(stream?.destroyed).toBe(true)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('idle clients leave after idleTimeoutMillis, and others come', async () => {
    await using pool = ending(way.pool({ idleTimeoutMillis: 10 }))
    for (let round = 0; round < 5; round += 1) {
      const removed = called<unknown[]>((callback) => pool.once('remove', callback))
      const statement = pool.query('SELECT 1')
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
      await statement
      await removed
      expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    }
  })

  test('a lent client does not leave, however short idleTimeoutMillis is', async () => {
    await using pool = ending(way.pool({ idleTimeoutMillis: 1 }))
    const client = await pool.connect()
    await sleep(20)
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
    client.release()
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('idle clients stay for ever with an idleTimeoutMillis of 0', async () => {
    await using pool = ending(way.pool({ idleTimeoutMillis: 0 }))
    await pool.query('SELECT 1')
    await sleep(50)
    expect(pool.idleCount).toBe(1)
  })

  test('the idle timeout leaves min clients', async () => {
    await using pool = ending(way.pool({ max: 3, min: 1, idleTimeoutMillis: 10 }))
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    for (const client of clients) client.release()
    await until('two clients to leave', () => pool.totalCount === 1)
    await sleep(50)
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('a client leaves after maxUses', async () => {
    await using pool = ending(way.pool({ max: 1, maxUses: 2 }))
    const first = await pool.connect()
    first.release()
    const again = await pool.connect()
    expect(again).toBe(first)
    const queued = pool.connect()
    expect(pool.waitingCount).toBe(1)
    again.release()
    expect((again as unknown as { _ending: boolean })._ending).toBe(true)
    const second = await queued
    expect(second).not.toBe(first)
    second.release()
  })

  test('a client leaves after maxLifetimeSeconds, at once where it is idle', async () => {
    await using pool = ending(way.pool({ maxLifetimeSeconds: 0.2, max: 2 }))
    const [held, idle] = await Promise.all([pool.connect(), pool.connect()])
    idle.release()
    await until('the idle client to leave', () => pool.totalCount === 1)
    await until('the lent client to expire', () => pool.expiredCount === 1)
    held.release()
    expect([pool.totalCount, pool.expiredCount]).toEqual([0, 0])
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('the ceiling holds, and is read anew each time', async () => {
    await using pool = ending(way.pool({ max: 2 }))
    const clients = await Promise.all([pool.connect(), pool.connect()])
    const waiting = pool.connect()
    expect([pool.totalCount, pool.waitingCount]).toEqual([2, 1])
    pool.options.max = 3
    const more = await pool.connect()
    expect([pool.totalCount, pool.waitingCount]).toEqual([3, 1])
    for (const client of [...clients, more]) client.release()
    ;(await waiting).release()
    expect([pool.totalCount, pool.waitingCount]).toEqual([3, 0])
  })
})
