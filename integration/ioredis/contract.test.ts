import { setImmediate } from 'node:timers/promises'
import { systemClock } from '@rekey/core'
import { rotatingRedisOptions, type Redis } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { until } from '../until.ts'
import { randomFrom } from './seeded.ts'
import { closing, connect, everyWay, openStage, userOf } from './stage.ts'

/**
 * The rotation contract where one connection carries everybody. There is no pool and nobody borrows, so the suite in
 * `contract/` has nothing to hold on to; exclusive connections, which have a pool, go through it.
 *
 * | | |
 * |---|---|
 * | R1 | here |
 * | R2 | `holds`: what is held is a transaction that is written by hand, a blocking read, a monitor |
 * | R3 | `logging-in`: what is queued is served in its order |
 * | R4 | makes no sense: there is no ceiling. Beside the one connection there is another while a subscriber is handed over, or while a pair is proven whose user stays: see `logging-in` |
 * | R5, R6, R7 | `rotation`, `logging-in`. The connection itself tries a new user, since a refused AUTH leaves it what it is |
 * | R8 | `exactness` |
 * | R9 | here, with the many connections of one set of options; `cluster` |
 * | R10, R11, R12, R13, R15 | here |
 * | R14 | `drop-in` |
 */
describe.each(everyWay)('$kind, RESP$protocol', ({ kind, protocol }) => {
  test('R1: user and password are of one snapshot, whatever is published meanwhile', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { retryStrategy: () => 0 })
    for (let rotation = 0; rotation < 30; rotation += 1) {
      if (rotation % 3 === 0) stage.proxy.cut()
      await stage.rotate()
      expect(await userOf(redis)).toMatch(stage.place.database)
    }
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('R9: the connections of one set of options go over one by one, in the time that there is', async () => {
    await using stage = await openStage(kind)
    const { host, port } = stage.address
    const options = rotatingRedisOptions(stage.credentials, {
      host,
      port,
      protocol,
      rotation: { spread: 40_000 },
    })
    const clients = Array.from({ length: 5 }, () => closing(new DriverRedis(options)))
    try {
      for (const client of clients) await client.ping()
      const gone = async (): Promise<number> =>
        (await stage.place.sessions(stage.account.user)).length
      using messages = recordMessages()
      await stage.rotate()
      // By our own word: the server knows it before we have heard of it, and from then on the turns count.
      await until('one to prove the pair', () => messages.of('rekey:verified').length === 1)
      expect(await gone()).toBe(1)
      for (let second = 2; second <= 5; second += 1) {
        // Each up to a turn early: by chance half of one here.
        await stage.clock.advance((second === 2 ? 5_000 : 10_000) - 1)
        expect(await gone()).toBe(second - 1)
        await stage.clock.advance(1)
        await until('another', async () => (await gone()) === second)
        // The server knows of a login before its client does, and time that leaps would end it.
        await Promise.all(clients.map((client) => client.ping()))
      }
      await stage.rotate({ urgent: true })
      await until('all of them', async () => (await gone()) === 5)
    } finally {
      for (const client of clients) client.disconnect()
    }
  })

  test('R10 and R15: it says what happens, and when it is over', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    await using redis = connect(stage, protocol)
    await redis.ping()
    const heard: unknown[] = []
    redis.on('drained', (message) => heard.push(message))
    await stage.rotate()
    await redis.drained()
    await setImmediate()
    const drained = { pool: 'ioredis.Redis', version: '1' }
    expect(heard).toMatchObject([drained])
    expect(messages.of('rekey:drained')).toMatchObject([drained])
    expect(messages.of('rekey:verified')).toMatchObject([{ version: '1' }, { version: '2' }])
    expect(messages.of('rekey:change')).toMatchObject([{ version: '1' }, { version: '2' }])
  })

  test('R10: who holds one at the drain deadline is said, and it is not touched', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    const { host, port, database: keyPrefix } = stage.address
    const options = rotatingRedisOptions(stage.credentials, {
      host,
      port,
      protocol,
      keyPrefix,
      rotation: { spread: 0, drainDeadline: 1_000 },
    })
    await using held = closing(new DriverRedis({ ...options, connectionName: 'held' }))
    await using other = closing(new DriverRedis(options))
    await other.ping()
    await held.multi({ pipeline: false })
    await stage.rotate()
    await until('the other one to go over', async () => {
      return (await userOf(other)) === stage.account.user
    })
    await stage.clock.advance(1_000)
    expect(messages.of('rekey:stalled')).toMatchObject([
      { held: [{ state: 'lent', connection: { name: 'held', doing: 'MULTI' } }] },
    ])
    await held.set('key', 'value')
    expect(await held.exec()).toEqual([[null, 'OK']])
  })

  test('R11: rotations pile up, and the newest wins', async () => {
    await using stage = await openStage(kind, systemClock)
    await using redis = connect(stage, protocol)
    await redis.ping()
    const random = randomFrom(11)
    const before = new Set<string>()
    for (let rotation = 0; rotation < 20; rotation += 1) {
      before.add(stage.account.user)
      const rotated = stage.rotate()
      if (random() < 0.5) await rotated
      else await Promise.all([rotated, redis.ping()])
    }
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(redis.generations).toMatchObject([{ version: '21', idle: 1 }])
  })

  test('R12: a connection that was dialled before a rotation is of the credentials that it read', async () => {
    await using stage = await openStage(kind)
    stage.proxy.delay = 20
    await using redis = connect(stage, protocol)
    const user = userOf(redis)
    await until('it to dial', () => stage.proxy.total === 1)
    const { user: first } = stage.account
    await stage.rotate()
    expect([first, stage.account.user]).toContain(await user)
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  describe('R13: the end leaves nothing behind', () => {
    const states: [
      string,
      (redis: Redis, stage: Awaited<ReturnType<typeof openStage>>) => Promise<unknown>,
    ][] = [
      ['before it has connected', async () => {}],
      ['while it connects', async (redis) => void redis.connect().catch(() => {})],
      ['when it is ready', async (redis) => redis.ping()],
      [
        'in a rotation',
        async (redis, stage) => {
          await redis.ping()
          stage.proxy.stall()
          await stage.rotate()
          stage.proxy.resume()
        },
      ],
      [
        'while a subscriber is handed over',
        async (redis, stage) => {
          await redis.subscribe(`${stage.place.database}news`)
          await stage.rotate()
        },
      ],
      [
        'while it waits for credentials that work',
        async (redis, stage) => {
          stage.store.publish({ ...stage.account, password: 'wrong' })
          await stage.credentials.refresh()
          redis.ping().catch(() => {})
          await until('a refusal', async () => (await stage.place.refusedLogins()).length > 0)
        },
      ],
      ['while it blocks', async (redis) => void redis.blpop('list', 0).catch(() => {})],
    ]
    test.each(states)('%s', async (_, reach) => {
      await using stage = await openStage(kind)
      const redis = connect(stage, protocol, { lazyConnect: true, keyPrefix: stage.place.database })
      await reach(redis, stage)
      redis.disconnect()
      await until('its end', () => redis.status === 'end')
      await redis.drained()
      await stage.credentials.close()
      await until('the timers to be gone', () => stage.clock.pending === 0)
      await until('the sockets to close', () => stage.proxy.open === 0)
      await until('the sessions to end', async () => (await stage.place.sessions()).length === 0)
    })

    test('and quit is as good, also before a new beginning', async () => {
      await using stage = await openStage(kind)
      const redis = connect(stage, protocol)
      await redis.ping()
      expect(await redis.quit()).toBe('OK')
      await until('its end', () => redis.status === 'end')
      await stage.rotate()
      await redis.connect()
      expect(await userOf(redis)).toBe(stage.account.user)
      await stage.rotate()
      await redis.drained()
      expect(await userOf(redis)).toBe(stage.account.user)
      redis.disconnect()
    })
  })
})
