import type { Redis } from '@rekey/ioredis'
import { describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { inTime, until } from '../until.ts'
import { adminOf, connect, everyWay, openStage, userOf } from './stage.ts'

const drainDeadline = 1_000

/** Goes on until somebody holds the connection at the server's end, too. */
async function untilItBlocks(redis: Redis, { place }: Stage, kind: 'redis' | 'valkey') {
  await using admin = await adminOf(kind)
  await until('it to block', async () => {
    const list = String(await admin.client('LIST'))
    const ours = list.split('\n').filter((line) => line.includes(` user=${place.database}`))
    return redis.generations[0]?.lent === 1 && ours.some((line) => / flags=\w*b/.test(line))
  })
}

describe.each(everyWay)('$kind, RESP$protocol: a blocking read', ({ kind, protocol }) => {
  test('that ends by itself is followed by the AUTH, and that by the next one', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    let isOver = false
    const reads: unknown[] = []
    const reading = (async () => {
      while (!isOver) reads.push(await redis.blpop('list', 0.05))
    })()
    await untilItBlocks(redis, stage, kind)
    for (let rotation = 0; rotation < 3; rotation += 1) {
      const { user } = stage.account
      await stage.rotate()
      await redis.drained()
      expect(await stage.place.sessions(user)).toEqual([])
    }
    isOver = true
    await reading
    expect(new Set(reads)).toEqual(new Set([null]))
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('that does not end is reported at the drain deadline, and goes on', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    await using redis = connect(stage, protocol, {
      connectionName: 'reader',
      rotation: { drainDeadline },
    })
    const read = redis.blpop('list', 0)
    await untilItBlocks(redis, stage, kind)
    await stage.rotate()
    // Nobody is free to try the new pair: a connection beside the one that is held does.
    await until('the pair to be proven', () => messages.of('rekey:verified').length === 2)
    await stage.clock.advance(drainDeadline)
    expect(messages.of('rekey:stalled')).toMatchObject([
      { held: [{ state: 'lent', connection: { name: 'reader', doing: 'blocking read' } }] },
    ])
    await using other = connect(stage, protocol)
    await other.rpush('list', 'value')
    expect((await read)?.[1]).toBe('value')
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('that does not end is ended at the drain deadline where that is asked for, and has taken nothing', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    await using redis = connect(stage, protocol, {
      rotation: { drainDeadline, atDrainDeadline: 'cancel' },
    })
    const events: string[] = []
    for (const event of ['close', 'error']) redis.on(event, () => events.push(event))
    const read = expect(redis.blpop('list', 0)).rejects.toThrow(/^UNBLOCKED/)
    await untilItBlocks(redis, stage, kind)
    const { user } = stage.account
    await stage.rotate()
    await until('the pair to be proven', () => messages.of('rekey:verified').length === 2)
    await stage.clock.advance(drainDeadline)
    await read
    await redis.drained()
    expect(await stage.place.sessions(user)).toEqual([])
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(await redis.rpush('list', 'value')).toBe(1)
    expect((await redis.blpop('list', 0))?.[1]).toBe('value')
    expect(events).toEqual([])
  })

  test('that its sender has given up is still under way at the server, and is ended there', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    await using redis = connect(stage, protocol, {
      rotation: { drainDeadline, atDrainDeadline: 'cancel' },
    })
    await redis.ping()
    redis.options.commandTimeout = 50
    const read = redis.blpop('list', 0)
    delete redis.options.commandTimeout
    await expect(read).rejects.toThrow('Command timed out')
    await untilItBlocks(redis, stage, kind)
    await stage.rotate()
    await until('the pair to be proven', () => messages.of('rekey:verified').length === 2)
    await stage.clock.advance(drainDeadline)
    await inTime('the rotation', redis.drained())
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('of a user who may end none goes on, and the error says what to allow', async () => {
    await using stage = await openStage(kind)
    using messages = recordMessages()
    await using admin = await adminOf(kind)
    await admin.acl('SETUSER', stage.other.user, '-client|unblock')
    await using redis = connect(stage, protocol, {
      rotation: { drainDeadline, atDrainDeadline: 'cancel' },
    })
    const errors: unknown[] = []
    redis.on('error', (error) => errors.push(error))
    const read = redis.blpop('list', 0)
    await untilItBlocks(redis, stage, kind)
    await stage.rotate()
    await until('the pair to be proven', () => messages.of('rekey:verified').length === 2)
    await stage.clock.advance(drainDeadline)
    await until('the error', () => errors.length > 0)
    expect(errors).toMatchObject([
      {
        ...{ code: 'ERR_REKEY_OPTION', option: 'rotation.atDrainDeadline' },
        message: expect.stringContaining('NOPERM') as string,
      },
    ])
    await admin.rpush(`${stage.place.database}list`, 'value')
    expect((await read)?.[1]).toBe('value')
    await redis.drained()
  })

  test.each([true, false])(
    'whose user is deleted is the matter of the driver, which sends it again or does not: %s',
    async (autoResendUnfulfilledCommands) => {
      await using stage = await openStage(kind)
      using messages = recordMessages()
      await using redis = connect(stage, protocol, { autoResendUnfulfilledCommands })
      const heard: unknown[] = []
      redis.blpop('list', 0).then(
        (answer) => heard.push(answer?.[1]),
        () => {},
      )
      await untilItBlocks(redis, stage, kind)
      const { stream } = redis
      const { user } = stage.account
      await stage.rotate()
      await until('the pair to be proven', () => messages.of('rekey:verified').length === 2)
      await using admin = await adminOf(kind)
      await admin.acl('DELUSER', user)
      await until('another connection, and no more', async () => {
        const isOther = redis.stream !== stream && redis.status === 'ready'
        return isOther && (await stage.place.sessions()).length === 1
      })
      await admin.rpush(`${stage.place.database}list`, 'value')
      if (autoResendUnfulfilledCommands) await until('the answer', () => heard.length > 0)
      expect(heard).toEqual(autoResendUnfulfilledCommands ? ['value'] : [])
      expect(await redis.llen('list')).toBe(autoResendUnfulfilledCommands ? 0 : 1)
      expect(await userOf(redis)).toBe(stage.account.user)
      await redis.drained()
    },
  )

  test('stays as it is where only the password has changed, and holds nobody up', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, {
      rotation: { drainDeadline, atDrainDeadline: 'cancel' },
    })
    const read = redis.blpop('list', 0)
    await untilItBlocks(redis, stage, kind)
    stage.store.publish(await stage.place.rotate(stage.account))
    await stage.credentials.refresh()
    await redis.drained()
    await stage.clock.advance(10 * drainDeadline)
    await using other = connect(stage, protocol)
    await other.rpush('list', 'value')
    expect((await read)?.[1]).toBe('value')
  })
})
