import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { connect, everyWay, openStage, userOf } from './stage.ts'

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
})
