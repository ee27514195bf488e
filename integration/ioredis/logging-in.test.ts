import { inspect } from 'node:util'
import { RekeyError } from '@rekey/core'
import { describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { inTime, until } from '../until.ts'
import { connect, everyWay, openStage, userOf } from './stage.ts'

/** Asks before the server refuses the wrong password and again after it, and has the store publish the right one. */
async function askedAroundARefusal<Answer>(
  stage: Stage,
  ask: (when: 'before' | 'after') => Promise<Answer>[],
): Promise<Answer[]> {
  const asked = ask('before')
  await until('a refusal', async () => (await stage.place.refusedLogins()).length > 0)
  asked.push(...ask('after'))
  stage.store.publish(stage.account)
  await stage.credentials.refresh()
  return inTime('all of them', Promise.all(asked))
}

describe.each(everyWay)('$kind, RESP$protocol: logging in', ({ kind, protocol }) => {
  test.each([true, false])(
    'what is queued is served when the store has the right password, ready check: %s',
    async (enableReadyCheck) => {
      await using stage = await openStage(kind)
      stage.store.publish({ ...stage.account, password: 'wrong' })
      await using redis = connect(stage, protocol, { enableReadyCheck, db: 2 })
      const order: string[] = []
      const push = async (text: string): Promise<void> => {
        await redis.rpush('list', text)
        order.push(text)
      }
      await askedAroundARefusal(stage, (when) => [1, 2, 3].map((number) => push(when + number)))
      const sent = ['before1', 'before2', 'before3', 'after1', 'after2', 'after3']
      expect(order).toEqual(sent)
      expect(await redis.lrange('list', 0, -1)).toEqual(sent)
      expect(await stage.place.refusedLogins()).toHaveLength(1)
      expect(redis.condition?.select).toBe(2)
    },
  )

  test.each([true, false])(
    'what is queued in one piece is served as one, ready check: %s',
    async (enableReadyCheck) => {
      await using stage = await openStage(kind)
      stage.store.publish({ ...stage.account, password: 'wrong' })
      await using redis = connect(stage, protocol, { enableReadyCheck })
      const send = (key: string): Promise<unknown>[] => [
        redis.multi().set(`${key}1`, 'value').get(`${key}1`).exec(),
        // The server says at once that it does not know the one in the middle.
        redis.pipeline().set(`${key}2`, 'value').call('UNKNOWN').get(`${key}2`).exec(),
        redis.get(`${key}1`),
      ]
      const served = [
        [
          [null, 'OK'],
          [null, 'value'],
        ],
        [
          [null, 'OK'],
          [expect.objectContaining({ message: expect.stringMatching(/^ERR unknown/) })],
          [null, 'value'],
        ],
        'value',
      ]
      expect(await askedAroundARefusal(stage, send)).toEqual([...served, ...served])
      expect(redis.commandQueue.length).toBe(0)
    },
  )

  test('a wrong password costs one failed login for each backoff step, and the queue waits', async () => {
    await using stage = await openStage(kind)
    stage.store.publish({ ...stage.account, password: 'wrong' })
    using messages = recordMessages()
    await using redis = connect(stage, protocol, { retryStrategy: () => 5 })
    let settled = false
    const queued = redis.ping().finally(() => (settled = true))
    queued.catch(() => {})
    const waits = (): number[] => messages.of('rekey:candidate-refused').map((one) => one.retryIn)
    // Half a second, then twice that, and so on: half of it by this chance.
    const steps = [250, 500, 1_000, 2_000, 4_000]
    for (let step = 1; step <= steps.length; step += 1) {
      await stage.clock.advance(waits().at(-1) ?? 0)
      await until('a refusal', () => waits().length === step)
    }
    expect(waits()).toEqual(steps)
    expect(await stage.place.refusedLogins()).toHaveLength(steps.length)
    expect(settled).toBe(false)
    stage.store.publish(stage.account)
    await stage.credentials.refresh()
    expect(await queued).toBe('PONG')
  })

  test("the user's own limit rejects what is queued, with the driver's error", async () => {
    await using stage = await openStage(kind)
    stage.store.publish({ ...stage.account, password: 'wrong' })
    using messages = recordMessages()
    await using redis = connect(stage, protocol, {
      maxRetriesPerRequest: 0,
      retryStrategy: () => 5,
    })
    const errors: Error[] = []
    redis.on('error', (error) => errors.push(error))
    const queued = expect(redis.ping()).rejects.toThrow('max retries per request limit')
    await until('a refusal', () => messages.of('rekey:candidate-refused').length > 0)
    await stage.clock.advance(stage.credentials.timings.loginDeadline)
    await queued
    expect(errors[0]?.message).toMatch(/^WRONGPASS/)
  })

  test('no password is to be seen: not in an error, not in a message, not in the client', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    const wrong = 'a wrong one that is a secret too'
    const right = stage.account.password
    stage.store.publish({ ...stage.account, password: wrong })
    await using redis = connect(stage, protocol, { maxRetriesPerRequest: 0 })
    const shown: string[] = []
    const show = (value: unknown): void =>
      void shown.push(inspect(value, { depth: Infinity, showHidden: false }), JSON.stringify(value))
    redis.on('error', show)
    const queued = redis.ping().catch(show)
    await until('a refusal', () => messages.of('rekey:candidate-refused').length > 0)
    await stage.clock.advance(stage.credentials.timings.loginDeadline)
    await queued
    stage.store.publish(stage.account)
    await stage.credentials.refresh()
    await redis.ping()
    // A refusal on the open connection.
    stage.store.publish({ ...(await stage.renew()), password: wrong })
    await stage.credentials.refresh()
    await until('another', () => messages.of('rekey:candidate-refused').length > 1)
    show(redis.options)
    show(redis.condition)
    show(redis.generations)
    show(messages.all.map((one) => [one, (one as { message: { error?: unknown } }).message.error]))
    expect(shown.join()).toContain('WRONGPASS')
    expect(shown.join()).not.toContain(wrong)
    expect(shown.join()).not.toContain(right)
  })

  test.each([true, false])(
    'a login that is given up on the spot says why, and no password, ready check: %s',
    async (enableReadyCheck) => {
      await using stage = await openStage(kind)
      const wrong = 'a wrong one that is a secret too'
      stage.store.publish({ ...stage.account, password: wrong })
      await using redis = connect(stage, protocol, {
        ...{ enableReadyCheck, db: 2, connectionName: 'one', retryStrategy: () => null },
        rotation: { maxRefusals: 1 },
      })
      const errors: Error[] = []
      redis.on('error', (error) => errors.push(error))
      await expect(redis.ping()).rejects.toThrow('Connection is closed.')
      await until('the end', () => redis.status === 'end')
      // Answers to what was sent behind the login are on their way by then.
      expect(errors.map(({ message }) => message.split(' ')[0])).toEqual(['WRONGPASS'])
      expect(inspect(errors, { depth: Infinity })).not.toContain(wrong)
    },
  )

  test('a client that waits for its first credentials is served when they come', async () => {
    await using stage = await openStage(kind)
    stage.store.mood = 'hangs'
    await using redis = connect(stage, protocol)
    const user = userOf(redis)
    await new Promise(setImmediate)
    expect(redis.status).toBe('connecting')
    stage.store.mood = 'answers'
    await stage.clock.advance(stage.credentials.timings.loadDeadline)
    expect(await user).toBe(stage.account.user)
  })

  test('a client that is given up while it waits ends at once', async () => {
    await using stage = await openStage(kind)
    stage.store.mood = 'hangs'
    const redis = connect(stage, protocol)
    const events: string[] = []
    for (const event of ['close', 'end', 'reconnecting']) redis.on(event, () => events.push(event))
    const queued = expect(redis.ping()).rejects.toThrow('Connection is closed.')
    await new Promise(setImmediate)
    redis.disconnect()
    await queued
    await until('the end', () => redis.status === 'end')
    await new Promise(setImmediate)
    expect(events).toEqual(['close', 'end'])
    expect(stage.proxy.total).toBe(0)
  })

  test('a store that fails at the first time is said to be at fault, and asked again', async () => {
    await using stage = await openStage(kind)
    stage.store.mood = 'fails'
    await using redis = connect(stage, protocol, {
      retryStrategy: () => 5,
      maxRetriesPerRequest: null,
    })
    const errors: unknown[] = []
    redis.on('error', (error) => errors.push(error))
    const queued = redis.ping()
    await until('an error', () => errors.length > 0)
    expect(errors[0]).toBeInstanceOf(RekeyError)
    stage.store.mood = 'answers'
    const { loads } = stage.store
    await until('the store to be asked', async () => {
      await stage.clock.advance(1_000)
      return stage.store.loads > loads
    })
    expect(await inTime('an answer', queued)).toBe('PONG')
  })

  test('the password changes, the user stays: an open connection is left alone once the new one is proven', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    const [before] = await stage.place.sessions()
    stage.store.publish(await stage.place.rotate(stage.account))
    await stage.credentials.refresh()
    await redis.drained()
    await until('the proof to be gone', async () => (await stage.place.sessions()).length === 1)
    expect(await stage.place.sessions()).toEqual([before])
    expect(redis.generations).toMatchObject([{ version: '2', idle: 1 }])
    expect(stage.proxy.total).toBe(2)
  })

  test.each<[string, 'always' | { sessionLimit: number }, number]>([
    ['always', 'always', 1],
    ['not before half of its time', { sessionLimit: 1_000_000 }, 2],
    ['when half of its time is over', { sessionLimit: 100_000 }, 1],
  ])('where a service ends sessions it logs in again: %s', async (_, reauthenticate, total) => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { rotation: { reauthenticate } })
    await redis.ping()
    await stage.clock.advance(60_000)
    stage.store.publish(await stage.place.rotate(stage.account))
    await stage.credentials.refresh()
    await redis.drained()
    // Otherwise another connection has proven the pair.
    expect(stage.proxy.total).toBe(total)
  })
})
