import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from '@rekey/ioredis'
import { describe, expect, test } from 'vitest'
import { inTime, until } from '../until.ts'
import { adminOf, connect, everyWay, openStage, openStageOfItsOwn, userOf } from './stage.ts'

describe.each(everyWay)('$kind, RESP$protocol: a rotation waits for', ({ kind, protocol }) => {
  test('the end of a transaction that is written by hand', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.watch('key')
    await redis.multi({ pipeline: false })
    await redis.set('key', 'value')
    const version = await stage.rotate()
    await redis.get('key')
    expect(redis.generations).toMatchObject([{ version: '1', lent: 1 }, { version }])
    // Neither the AUTH nor its answer is among them.
    expect(await redis.exec()).toEqual([
      [null, 'OK'],
      [null, 'value'],
    ])
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('the end of a transaction that begins before the client is ready', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    let begun: Promise<unknown> | undefined
    redis.on('connect', () => {
      begun = redis.multi({ pipeline: false })
    })
    await until('it to begin', () => begun)
    await redis.set('key', 'value')
    await stage.rotate()
    await redis.get('key')
    expect(redis.generations[0]).toMatchObject({ version: '1', lent: 1 })
    expect(await redis.exec()).toEqual([
      [null, 'OK'],
      [null, 'value'],
    ])
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('a transaction that is given up, under a name of another case', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.call('MULTI')
    await stage.rotate()
    expect(redis.generations[0]).toMatchObject({ version: '1', lent: 1 })
    await redis.call('DISCARD')
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('nothing where a transaction is pipelined: it is sent in one piece', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    const replies = redis.multi().set('key', 1).incr('key').exec()
    await stage.rotate()
    await redis.drained()
    expect(await replies).toEqual([
      [null, 'OK'],
      [null, 2],
    ])
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('an answer to a blocking read, and comes before the next one', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await using other = connect(stage, protocol)
    const heard: (string | undefined)[] = []
    void (async () => {
      for (;;) {
        const [, value] = (await redis.blpop('list', 0)) ?? []
        heard.push(value)
      }
    })().catch(() => {})
    await until('it to block', () => redis.generations[0]?.lent === 1)
    for (let rotation = 0; rotation < 5; rotation += 1) {
      const { user } = stage.account
      await stage.rotate()
      await other.drained()
      await other.rpush('list', rotation)
      await redis.drained()
      expect(await stage.place.sessions(user)).toEqual([])
    }
    await until('the last one', () => heard.length === 5)
    expect(heard).toEqual(['0', '1', '2', '3', '4'])
  })

  test('a blocking read of somebody who calls back', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await using other = connect(stage, protocol)
    let heard = 0
    const read = (): void =>
      void redis.blpop('list', 0, (error) => {
        if (error) return
        heard += 1
        read()
      })
    read()
    await until('it to block', () => redis.generations[0]?.lent === 1)
    await stage.rotate()
    await other.rpush('list', 1)
    await redis.drained()
    await other.rpush('list', 2)
    await until('both', () => heard === 2)
  })

  test('nothing else, and the time limit of commands is not for it', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    // For as long as none of the test's own commands is under way: a busy machine takes longer for those.
    redis.options.commandTimeout = 50
    stage.proxy.stall()
    await stage.rotate()
    await sleep(100)
    stage.proxy.resume()
    await redis.drained()
    delete redis.options.commandTimeout
    expect(await userOf(redis)).toBe(stage.account.user)
  })
})

describe.each(everyWay)('$kind, RESP$protocol', ({ kind, protocol }) => {
  test('a monitor stays what it is, and its next connection is of the new user', async () => {
    // What others send, too: the driver takes it for a stray answer where it comes together with that to MONITOR.
    await using stage = await openStageOfItsOwn(kind)
    await using redis = connect(stage, protocol)
    const monitor = await redis.monitor()
    monitor.on('error', () => {})
    const seen: string[][] = []
    monitor.on('monitor', (_: string, args: string[]) => seen.push(args))
    const { user } = stage.account
    await stage.rotate()
    await redis.drained()
    expect(await stage.place.sessions(user)).toHaveLength(1)
    await redis.set('key', 'value')
    await until('the command', () => seen.some(([name]) => name === 'set'))
    expect(seen.flat().join()).not.toContain(stage.account.password)
    stage.proxy.cut()
    await until('the new user', async () => {
      const sessions = await stage.place.sessions()
      return sessions.length === 2 && sessions.every((one) => one.user === stage.account.user)
    })
    monitor.disconnect()
  })

  test('a monitor that comes back is known to have logged in', async () => {
    await using stage = await openStageOfItsOwn(kind)
    await using redis = connect(stage, protocol)
    const monitor = (await redis.monitor()) as Redis
    monitor.on('error', () => {})
    let isBack = false
    monitor.once('monitoring', () => (isBack = true))
    stage.proxy.cut()
    await until('it to be back', () => isBack)
    await until('its login', () => monitor.generations[0]?.connecting === 0)
    expect(monitor.generations).toMatchObject([{ lent: 1 }])
    monitor.disconnect()
  })

  test('a MULTI that is refused holds nothing', async () => {
    await using stage = await openStage(kind)
    await using admin = await adminOf(kind)
    await admin.call('ACL', 'SETUSER', stage.account.user, '-multi')
    await using redis = connect(stage, protocol)
    await expect(redis.multi({ pipeline: false })).rejects.toThrow(/^NOPERM/)
    await stage.rotate()
    await inTime('the rotation', redis.drained())
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  // Redis gives no answer to an AUTH that it refuses while another answer is on its way out.
  test('a refusal under load mixes up no answers', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    stage.store.publish({ ...(await stage.renew()), password: 'wrong' })
    for (let round = 0; round < 20; round += 1) {
      const refresh = stage.credentials.refresh()
      const echoes = Array.from({ length: 50 }, (_, number) => redis.echo(`${round}.${number}`))
      await refresh
      await stage.clock.advance(30_000)
      for (let number = 50; number < 100; number += 1) {
        echoes.push(redis.echo(`${round}.${number}`))
        if (number % 10 === 0) await new Promise(setImmediate)
      }
      expect(await Promise.all(echoes)).toEqual(
        Array.from({ length: 100 }, (_, number) => `${round}.${number}`),
      )
    }
    expect((await stage.place.refusedLogins()).length).toBeGreaterThan(10)
    expect(redis.commandQueue.length).toBe(0)
  })

  test('one login at a time is under way on a connection, also where rotations pile up', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    const underWay = (): number => {
      const { commandQueue } = redis
      const items = Array.from({ length: commandQueue.length }, (_, index) =>
        commandQueue.peekAt(index),
      )
      return items.filter((item) => item?.command.name === 'auth').length
    }
    stage.proxy.stall()
    for (let rotation = 0; rotation < 2; rotation += 1) {
      await stage.rotate()
      expect(underWay()).toBe(1)
    }
    stage.proxy.resume()
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(stage.proxy.total).toBe(1)
  })

  test('an AUTH that is under way when the connection is lost is not sent on the next one', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    const { total } = stage.proxy
    stage.proxy.stall()
    await stage.rotate()
    stage.proxy.cut()
    stage.proxy.resume()
    await stage.rotate()
    await redis.drained()
    expect(stage.proxy.total).toBeGreaterThan(total)
    for (let time = 0; time < 5; time += 1) expect(await userOf(redis)).toBe(stage.account.user)
  })
})
