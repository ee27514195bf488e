import { Redis, rotatingRedisOptions, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { Redis as FloorRedis } from 'ioredis-floor'
import { describe, expect, inject, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import { closing, everyWay, openStage, userOf } from './stage.ts'

function optionsOf(
  { address: { host, port }, credentials }: Stage,
  more: RedisOptions = {},
): object {
  return rotatingRedisOptions(credentials, { host, port, rotation: { spread: 0 }, ...more })
}

describe.each(everyWay)(
  "$kind, RESP$protocol: the driver's own class with our options",
  ({ kind, protocol }) => {
    test('goes over with its duplicates', async () => {
      await using stage = await openStage(kind)
      await using redis = closing(new DriverRedis(optionsOf(stage, { protocol })))
      await using other = closing(redis.duplicate({ connectionName: 'other' }))
      expect(redis).not.toBeInstanceOf(Redis)
      expect(await userOf(redis)).toBe(stage.account.user)
      expect(await userOf(other)).toBe(stage.account.user)
      await stage.rotate()
      await until('both to have gone over', async () => {
        return (await stage.place.sessions(stage.other.user)).length === 0
      })
      expect(await userOf(redis)).toBe(stage.account.user)
      expect(await userOf(other)).toBe(stage.account.user)
      stage.proxy.cut()
      expect(await userOf(other)).toBe(stage.account.user)
      expect(await stage.place.refusedLogins()).toEqual([])
    })

    test('goes over where our class is given them', async () => {
      await using stage = await openStage(kind)
      await using redis = closing(new Redis(optionsOf(stage, { protocol })))
      await using other = closing(redis.duplicate())
      expect(await userOf(redis)).toBe(stage.account.user)
      expect(await userOf(other)).toBe(stage.account.user)
      await stage.rotate()
      await redis.drained()
      expect(await stage.place.sessions(stage.other.user)).toEqual([])
      expect(redis.generations).toMatchObject([{ idle: 2 }])
      expect(await userOf(redis)).toBe(stage.account.user)
      expect(await userOf(other)).toBe(stage.account.user)
    })

    test('leaves the clients of others as they are', async () => {
      await using stage = await openStage(kind)
      const options = optionsOf(stage, { protocol, lazyConnect: true })
      await using redis = closing(new DriverRedis(options))
      const { host, port } = stage.address
      const { user: username, password } = stage.account
      await using stock = closing(new DriverRedis({ host, port, username, password }))
      expect(Object.hasOwn(DriverRedis.prototype, 'connector')).toBe(false)
      expect(Object.hasOwn(stock, 'sendCommand')).toBe(false)
      await redis.ping()
      await stage.rotate()
      expect(await userOf(stock)).toBe(username)
    })

    test('is refused where it is of another copy of the driver', async () => {
      // Against the floor it is the same copy.
      const isOther = !inject('driverVersion').startsWith('5.')
      await using stage = await openStage(kind)
      const options = optionsOf(stage, { lazyConnect: true })
      const redis = new FloorRedis(options)
      redis.on('error', () => {})
      const connected = redis.connect()
      if (isOther) await expect(connected).rejects.toMatchObject({ code: 'ERR_REKEY_DRIVER' })
      else await connected
      redis.disconnect()
    })
  },
)
