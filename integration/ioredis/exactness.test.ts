import { describe, expect, test } from 'vitest'
import { randomFrom } from './seeded.ts'
import { connect, everyWay, openStage } from './stage.ts'

/** What became of what was asked for, by its name. */
interface Books {
  readonly done: string[]
  readonly failed: string[]
}

describe.each(everyWay)('$kind, RESP$protocol: no command is sent twice', ({ kind, protocol }) => {
  test('in 100 rotations under load', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { enableAutoPipelining: true })
    await redis.ping()
    let isOver = false
    let asked = 0
    const work = async (): Promise<void> => {
      while (!isOver) {
        const number = (asked += 1)
        await Promise.all([
          redis.incr('counter'),
          redis.rpush('list', number),
          redis.xadd('stream', '*', 'number', number),
          redis.multi().incr('both').rpush('pairs', number).exec(),
        ])
      }
    }
    const workers = [work(), work(), work()]
    for (let rotation = 0; rotation < 100; rotation += 1) {
      await stage.rotate()
      await redis.drained()
    }
    isOver = true
    await Promise.all(workers)
    expect(await redis.get('counter')).toBe(String(asked))
    expect(await redis.get('both')).toBe(String(asked))
    expect(await redis.llen('list')).toBe(asked)
    expect(await redis.llen('pairs')).toBe(asked)
    expect(await redis.xlen('stream')).toBe(asked)
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('in 100 rotations with cuts at random', async () => {
    await using stage = await openStage(kind)
    // As the user says it: what is under way when a connection is lost fails, and is not sent again.
    await using redis = connect(stage, protocol, {
      maxRetriesPerRequest: 0,
      retryStrategy: () => 0,
    })
    const random = randomFrom(7)
    const books: Books = { done: [], failed: [] }
    let isOver = false
    let asked = 0
    const work = async (): Promise<void> => {
      while (!isOver) {
        const name = String((asked += 1))
        await redis.rpush('list', name).then(
          () => books.done.push(name),
          () => books.failed.push(name),
        )
      }
    }
    const workers = [work(), work(), work()]
    let cuts = 0
    for (let rotation = 0; rotation < 100; rotation += 1) {
      await stage.rotate()
      if (random() < 0.3) {
        stage.proxy.cut()
        cuts += 1
      }
      await redis.drained()
    }
    isOver = true
    await Promise.all(workers)
    const list = await redis.lrange('list', 0, -1)
    expect(cuts).toBeGreaterThan(20)
    expect(new Set(list).size).toBe(list.length)
    expect(list).toEqual(expect.arrayContaining(books.done))
    expect(books.done.length + books.failed.length).toBe(asked)
    expect(await stage.place.refusedLogins()).toEqual([])
  })
})
