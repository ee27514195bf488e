import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { borrow, called, ending, insideOf, threeWays } from './three-ways.ts'

/** What a pool says of its own limit. */
const limitOf = (pool: object): unknown =>
  (pool as { config: { connectionLimit: unknown } }).config.connectionLimit

threeWays((way) => {
  test('who hears that a caller queues reads the limit of the user, and not yet the caller', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const held = await borrow(pool)
    const heard: unknown[] = []
    pool.on('enqueue', () => heard.push(limitOf(pool), insideOf(pool)._connectionQueue.length))
    const borrowing = borrow(pool)
    heard.push('returned', insideOf(pool)._connectionQueue.length)
    expect(heard).toEqual([1, 0, 'returned', 1])
    held.release()
    ;(await borrowing).release()
  })

  test('a caller beyond the queue limit is told before the call returns, and reads the limit of the user', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1, queueLimit: 1 }))
    const held = await borrow(pool)
    const borrowing = borrow(pool)
    const heard: unknown[] = []
    pool.on('enqueue', () => heard.push('enqueue'))
    pool.getConnection((error) => heard.push(error?.message, limitOf(pool)))
    heard.push('returned')
    expect(heard).toEqual(['Queue limit reached.', 1, 'returned'])
    held.release()
    ;(await borrowing).release()
  })

  test('a caller that is not to wait is told after the call has returned, and before a promise is', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1, waitForConnections: false }))
    const held = await borrow(pool)
    const heard: unknown[] = []
    pool.on('enqueue', () => heard.push('enqueue'))
    const told = called<[Error | null]>((callback) => pool.getConnection(callback as never)).then(
      ([error]) => heard.push('promise', error?.message),
    )
    pool.getConnection((error) => heard.push(error?.message))
    heard.push('returned')
    await told
    const message = 'No connections available.'
    expect(heard).toEqual(['returned', message, 'promise', message])
    held.release()
  })

  test('a caller that queues is traced once, until it is served', async () => {
    await using pool = ending(way.pool({ connectionLimit: 1 }))
    const held = await borrow(pool)
    const heard: unknown[] = []
    const start = (): number => heard.push('start')
    const finished = (): number => heard.push('asyncEnd')
    const starts = channel('tracing:mysql2:pool:connect:start')
    const ends = channel('tracing:mysql2:pool:connect:asyncEnd')
    starts.subscribe(start)
    ends.subscribe(finished)
    try {
      const borrowing = borrow(pool)
      heard.push('queues')
      held.release()
      ;(await borrowing).release()
      expect(heard).toEqual(['start', 'queues', 'asyncEnd'])
    } finally {
      starts.unsubscribe(start)
      ends.unsubscribe(finished)
    }
  })

  test('end of a pool without connections calls back before it returns', async () => {
    const pool = way.pool()
    const heard: unknown[] = []
    pool.end((...values) => heard.push('ended', ...values))
    heard.push('returned')
    expect(heard).toEqual(['ended', undefined, 'returned'])
  })

  test('what the callback of such an end throws is thrown by end', () => {
    const pool = way.pool()
    const thrown = new Error('by the callback')
    expect(() =>
      pool.end(() => {
        throw thrown
      }),
    ).toThrow(thrown)
  })
})
