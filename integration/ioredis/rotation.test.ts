import { describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { until } from '../until.ts'
import { adminOf, connect, everyWay, openStage, userOf } from './stage.ts'

describe.each(everyWay)('$kind, RESP$protocol', ({ kind, protocol }) => {
  test('an open connection goes over to the new user, and the old one may be dropped', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    const before = stage.account.user
    expect(await userOf(redis)).toBe(before)
    const events: string[] = []
    for (const event of ['close', 'reconnecting', 'end']) redis.on(event, () => events.push(event))
    await stage.rotate()
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
    await stage.place.revoke({ user: before, password: '' })
    expect(await stage.place.sessions(before)).toEqual([])
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(redis.generations).toMatchObject([{ version: '2', idle: 1, lent: 0 }])
    expect(events).toEqual([])
  })

  test('a connection that is made later logs in with the current pair', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    await stage.rotate()
    await redis.drained()
    stage.proxy.cut()
    expect(await userOf(redis)).toBe(stage.account.user)
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('a wrong password leaves the connection what it is, and a later one comes back as it was', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    await redis.ping()
    const { user } = stage.account
    stage.store.publish({ ...(await stage.renew()), password: 'wrong' })
    await stage.credentials.refresh()
    await until('a refused login', async () => (await stage.place.refusedLogins()).length === 1)
    expect(await userOf(redis)).toBe(user)
    stage.proxy.cut()
    expect(await userOf(redis)).toBe(user)
    stage.store.publish(stage.account)
    await stage.credentials.refresh()
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('a wrong password is tried on the open connection once for each backoff step, and the old user stays', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol)
    const before = await userOf(redis)
    using messages = recordMessages()
    stage.store.publish({ ...(await stage.renew()), password: 'wrong' })
    await stage.credentials.refresh()
    const refusals = (): number => messages.of('rekey:candidate-refused').length
    for (let step = 0; step < 20; step += 1) {
      // Its answer comes behind that to a login which is under way.
      expect(await userOf(redis)).toBe(before)
      await stage.clock.advance(500)
    }
    expect(await userOf(redis)).toBe(before)
    // Half a second, then twice that, and so on: half of it by this chance.
    expect(refusals()).toBeGreaterThan(3)
    expect(refusals()).toBeLessThan(8)
    expect(await stage.place.refusedLogins()).toHaveLength(refusals())
    expect(stage.proxy.total).toBe(1)
  })

  test('each old user is deleted, and none of our connections is cut: none is old', async () => {
    await using stage = await openStage(kind)
    const { place } = stage
    await using admin = await adminOf(kind)
    await using redis = connect(stage, protocol)
    await using subscriber = connect(stage, protocol, { keyPrefix: '' })
    await using reader = connect(stage, protocol)
    const clients = [redis, subscriber, reader]
    const events: string[] = []
    for (const client of clients) {
      for (const event of ['close', 'error']) client.on(event, () => events.push(event))
    }
    const heard: string[] = []
    subscriber.on('message', (_, text) => heard.push(text))
    await subscriber.subscribe(`${place.database}news`)
    const read = (async () => {
      const values: string[] = []
      while (values.length < 3) values.push(...((await reader.blpop('list', 0)) ?? []).slice(1))
      return values
    })()
    /** The connections of a user, by the server's own word. */
    const clientsOf = async (user: string): Promise<string[]> =>
      String(await admin.client('LIST'))
        .split('\n')
        .filter((line) => line.includes(` user=${user} `))
        .map((line) => line.split(' ')[0] ?? '')
        .toSorted()
    let { user } = stage.account
    for (let turn = 0; turn < 3; turn += 1) {
      const next = await place.createAccount()
      stage.store.publish(next)
      await stage.credentials.refresh()
      await redis.drained()
      await redis.rpush('list', turn)
      await Promise.all(clients.map((client) => client.drained()))
      expect(await clientsOf(user)).toEqual([])
      // The server's list still has the login beside the reader for a moment.
      const open = await until('the three alone', async () => {
        const ids = await clientsOf(next.user)
        return ids.length === 3 && ids
      })
      expect(await admin.acl('DELUSER', user)).toBe(1)
      await admin.publish(`${place.database}news`, String(turn))
      await until('the message', () => heard.length === turn + 1)
      expect(await clientsOf(next.user)).toEqual(open)
      ;({ user } = next)
    }
    expect(await read).toEqual(['0', '1', '2'])
    expect(events).toEqual([])
  })

  test('a user who may not PING goes over, and a wrong password is refused all the same', async () => {
    await using stage = await openStage(kind)
    await using admin = await adminOf(kind)
    for (const { user } of [stage.account, stage.other]) await admin.acl('SETUSER', user, '-ping')
    await using redis = connect(stage, protocol)
    const before = await userOf(redis)
    using messages = recordMessages()
    stage.store.publish({ ...(await stage.renew()), password: 'wrong' })
    await stage.credentials.refresh()
    // The server's list has it before the client has heard of it.
    await until('a refusal', () => messages.of('rekey:candidate-refused').length === 1)
    expect(await stage.place.refusedLogins()).toHaveLength(1)
    const echoes = Array.from({ length: 50 }, (_, number) => redis.echo(String(number)))
    await stage.clock.advance(30_000)
    await until('another', async () => (await stage.place.refusedLogins()).length > 1)
    expect(await Promise.all(echoes)).toEqual(echoes.map((_, number) => String(number)))
    expect(await userOf(redis)).toBe(before)
    stage.store.publish(stage.account)
    await stage.credentials.refresh()
    await redis.drained()
    expect(await userOf(redis)).toBe(stage.account.user)
  })
})
