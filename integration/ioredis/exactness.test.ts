import { setImmediate } from 'node:timers/promises'
import type { Redis, RedisOptions } from '@rekey/ioredis'
import { describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { randomFrom } from './seeded.ts'
import { connect, everyWay, openStage, type Way } from './stage.ts'

/** What a test does to the server, each thing under a number of its own, and what became of it. */
class Work {
  asked = 0
  /** What the server has said yes to, by its number. */
  readonly done: Record<'counters' | 'list' | 'stream' | 'all', string[]> = {
    counters: [],
    list: [],
    stream: [],
    all: [],
  }
  readonly #redis: Redis
  #goesOn = true
  /** Where a setting of the driver leaves what was lost without an answer, nobody waits for one. */
  #lost = Promise.withResolvers<void>()
  readonly #workers: readonly Promise<void>[]

  constructor(redis: Redis) {
    this.#redis = redis
    redis.on('close', () => {
      this.#lost.resolve()
      this.#lost = Promise.withResolvers()
    })
    this.#workers = [this.#work(), this.#work()]
  }

  async stop(): Promise<void> {
    this.#goesOn = false
    await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    while (this.#goesOn) await Promise.race([this.#step(), this.#lost.promise])
  }

  async #step(): Promise<void> {
    const redis = this.#redis
    const name = String((this.asked += 1))
    const pending = {
      counters: redis.incr(`counter:${name}`),
      list: redis.rpush('list', name),
      stream: redis.xadd('stream', '*', 'name', name),
      all: redis.multi().incr('all:counter').rpush('all:list', name).exec(),
    }
    const books = Object.entries(pending).map(([kind, answer]) =>
      (answer as Promise<unknown>).then(
        () => this.done[kind as keyof typeof pending].push(name),
        () => {},
      ),
    )
    await Promise.all(books)
  }

  /** What the server has, by the number, in the form of {@link done}; and how often it has counted. */
  async found(): Promise<{ found: Work['done']; counts: (string | null)[]; all: string | null }> {
    const redis = this.#redis
    const names = Array.from({ length: this.asked }, (_, index) => String(index + 1))
    const counts = await redis.mget(names.map((name) => `counter:${name}`))
    const entries = await redis.xrange('stream', '-', '+')
    const found = {
      counters: names.filter((_, index) => counts[index] !== null),
      list: await redis.lrange('list', 0, -1),
      stream: entries.map(([, [, name]]) => name ?? ''),
      all: await redis.lrange('all:list', 0, -1),
    }
    return { found, counts, all: await redis.get('all:counter') }
  }
}

/** As fast as the server allows: both accounts are there, and what is published changes. */
async function rotate({ store, credentials }: Stage, accounts: Stage['account'][]): Promise<void> {
  accounts.reverse()
  store.publish(accounts[0]!)
  await credentials.refresh()
}

/** As the user says it: what is under way when a connection is lost fails, or is left alone, and is not sent again. */
const settings: Record<Way['kind'], RedisOptions> = {
  redis: { maxRetriesPerRequest: 0 },
  valkey: { autoResendUnfulfilledCommands: false },
}

describe.each(everyWay)('$kind, RESP$protocol: no command is sent twice', ({ kind, protocol }) => {
  test('in 100 rotations, and none is lost', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { enableAutoPipelining: true })
    await redis.ping()
    const work = new Work(redis)
    for (let rotation = 0; rotation < 100; rotation += 1) {
      await stage.rotate()
      await redis.drained()
    }
    await work.stop()
    const { found, counts, all } = await work.found()
    const names = counts.map((_, index) => String(index + 1))
    expect(found.counters).toEqual(names)
    for (const kept of Object.values(found)) expect(new Set(kept)).toEqual(new Set(names))
    expect(new Set(counts)).toEqual(new Set(['1']))
    expect(all).toBe(String(work.asked))
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('in 1,000 rotations with cuts at random', async () => {
    await using stage = await openStage(kind)
    const accounts = [stage.other, stage.account]
    await using redis = connect(stage, protocol, { ...settings[kind], retryStrategy: () => 0 })
    await redis.ping()
    const random = randomFrom(7)
    const work = new Work(redis)
    let cuts = 0
    for (let rotation = 0; rotation < 1_000; rotation += 1) {
      const rotated = rotate(stage, accounts)
      if (random() < 0.1) {
        for (let turns = random() * 8; turns > 1; turns -= 1) await setImmediate()
        stage.proxy.cut()
        cuts += 1
      }
      await rotated
      await redis.drained()
    }
    await work.stop()
    const { found, counts, all } = await work.found()
    expect(cuts).toBeGreaterThan(50)
    for (const [of, kept] of Object.entries(found)) {
      const once = new Set(kept)
      expect(kept.length).toBe(once.size)
      expect(work.done[of as keyof typeof found].filter((name) => !once.has(name))).toEqual([])
    }
    expect(new Set(counts)).toEqual(new Set(['1', null]))
    expect(all).toBe(String(found.all.length))
    expect(redis.generations).toMatchObject([{ version: '1001' }])
    expect(await stage.place.refusedLogins()).toEqual([])
  }, 180_000)
})
