import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { called, threeWays } from './three-ways.ts'

const usedAfterEnd = 'Cannot use a pool after calling end on the pool'
const endedTwice = 'Called end on pool more than once'

threeWays((way, stage) => {
  test('a pool that was never used ends, by promise and by callback', async () => {
    const one = way.pool()
    expect(await one.end()).toBeUndefined()
    const other = way.pool()
    let returned: unknown = 'something'
    const values = await called<unknown[]>((callback) => {
      returned = other.end(callback)
    })
    expect(returned).toBeUndefined()
    expect(values).toEqual([])
    for (const pool of [one, other]) expect([pool.ending, pool.ended]).toEqual([true, true])
  })

  test('a pool that was used ends, and its clients are removed', async () => {
    const pool = way.pool({ max: 3 })
    const removed: unknown[] = []
    pool.on('remove', (client) => removed.push(client))
    await Promise.all([1, 2, 3].map(() => pool.query('SELECT 1')))
    const { totalCount } = pool
    await pool.end()
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    await until('the clients to be removed', () => removed.length === totalCount)
    await until('the sessions to end', async () => (await stage.place.sessions()).length === 0)
  })

  test('a pool that ends waits for what is lent', async () => {
    const pool = way.pool({ max: 2 })
    const held = await pool.connect()
    await pool.query('SELECT 1')
    let isOver = false
    const over = pool.end().then(() => {
      isOver = true
    })
    expect([pool.ending, pool.ended]).toEqual([true, false])
    expect((await held.query('SELECT 1')).rowCount).toBe(1)
    expect(isOver).toBe(false)
    held.release()
    await over
    expect(pool.ended).toBe(true)
  })

  test('a pool that ends waits for a statement and for a connection that is under way', async () => {
    const pool = way.pool({ max: 2 })
    const statement = pool.query('SELECT 1')
    const connected = pool.connect()
    const over = pool.end()
    expect((await statement).rowCount).toBe(1)
    ;(await connected).release()
    await over
    expect(pool.totalCount).toBe(0)
  })

  test('a pool that has ended refuses all that is asked of it, by promise', async () => {
    const pool = way.pool()
    await pool.end()
    await expect(pool.connect()).rejects.toThrow(usedAfterEnd)
    await expect(pool.query('SELECT 1')).rejects.toThrow(usedAfterEnd)
    await expect(pool.end()).rejects.toThrow(endedTwice)
  })

  test('a pool that has ended refuses all that is asked of it, by callback and at once', async () => {
    const pool = way.pool()
    await pool.query('SELECT 1')
    await pool.end()
    const errors: Error[] = []
    const listen = (error: unknown): void => void errors.push(error as Error)
    expect([
      pool.connect(listen),
      pool.query('SELECT 1', listen),
      pool.end(listen as () => void),
    ]).toEqual([undefined, undefined, undefined])
    expect(errors.map(({ message }) => message)).toEqual([usedAfterEnd, usedAfterEnd, endedTwice])
  })

  test('a pool that is ending refuses new callers while it waits for the others', async () => {
    const pool = way.pool()
    const held = await pool.connect()
    const over = pool.end()
    await expect(pool.connect()).rejects.toThrow(usedAfterEnd)
    await expect(pool.end()).rejects.toThrow(endedTwice)
    held.release()
    await over
  })

  test('what is lent when the pool ends can be given back broken', async () => {
    const pool = way.pool()
    const held = await pool.connect()
    const over = pool.end()
    held.release(new Error('broken'))
    await over
    expect(pool.totalCount).toBe(0)
  })

  test('a pool whose connections all fail ends', async () => {
    const pool = way.pool({ port: 1 })
    const outcomes = Promise.allSettled([pool.connect(), pool.query('SELECT 1')])
    await pool.end()
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
