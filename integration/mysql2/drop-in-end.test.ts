import { expect, test } from 'vitest'
import { borrow, called, countsOf, insideOf, threeWays } from './three-ways.ts'

threeWays((way) => {
  test('end without a connection calls back without an error', async () => {
    const pool = way.pool()
    expect(await called((callback) => pool.end(callback))).toEqual([undefined])
    expect(insideOf(pool)._closed).toBe(true)
  })

  test('end gives callers in the queue the error of the driver', async () => {
    const pool = way.pool({ connectionLimit: 1 })
    const held = await borrow(pool)
    const waiting = [borrow(pool), borrow(pool)].map((each) => each.catch((error: Error) => error))
    const ended = called((callback) => pool.end(callback))
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ message: 'Pool is closed.' })
    }
    held.release()
    await ended
    await expect(borrow(pool)).rejects.toThrow('Pool is closed.')
  })

  test('end while the first connection is dialled gives its caller the same', async () => {
    const pool = way.pool()
    const borrowing = borrow(pool).catch((error: Error) => error)
    const ended = called((callback) => pool.end(callback))
    expect(await borrowing).toMatchObject({ message: 'Pool is closed.' })
    await ended
  })

  test('end lets a statement finish that is under way', async () => {
    const pool = way.pool()
    const connection = await borrow(pool)
    const running = called<[unknown, unknown]>((callback) =>
      connection.query('SELECT sleep(0.2) AS slept', callback),
    )
    const ended = called((callback) => pool.end(callback))
    const [error, rows] = await running
    expect([error, rows]).toMatchObject([null, [{ slept: 0 }]])
    await ended
  })

  test('end breaks a transaction that is open, in words of the driver', async () => {
    const pool = way.pool()
    const connection = await borrow(pool)
    await called((callback) => connection.beginTransaction(callback))
    const ended = called((callback) => pool.end(callback))
    const [error] = await called((callback) => connection.query('SELECT 1', callback))
    expect(error).toMatchObject({
      message: "Can't add new command when connection is in closed state",
      fatal: true,
    })
    await ended
  })

  test('release after the end does nothing', async () => {
    const pool = way.pool()
    const connection = await borrow(pool)
    const ended = called((callback) => pool.end(callback))
    connection.release()
    await ended
    expect(countsOf(pool)[1]).toBe(0)
  })

  test('a second end of a pool that has connections calls back with an error', async () => {
    const pool = way.pool()
    ;(await borrow(pool)).release()
    await called((callback) => pool.end(callback))
    const [error] = await called<[Error]>((callback) => pool.end(callback as never))
    expect(error.message).toBe("Can't add new command when connection is in closed state")
  })

  test('a pool ends with its block', async () => {
    const pool = way.pool()
    {
      using disposed = pool
      ;(await borrow(disposed)).release()
    }
    expect(insideOf(pool)._closed).toBe(true)
  })
})
