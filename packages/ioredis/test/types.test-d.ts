// Checked by the compiler alone: `tsc -b` fails where a line of this is wrong.

import type { CredentialsCache, DrainedMessage, GenerationCounts } from '@rekey/core'
import * as driver from 'ioredis'
import { expectTypeOf, test } from 'vitest'
import DefaultRedis, * as rekey from '../src/index.ts'

declare const credentials: CredentialsCache

test("our classes are the driver's own, and more", () => {
  const redis = (): rekey.Redis => new rekey.Redis({ host: 'localhost', credentials })
  expectTypeOf(redis).returns.toExtend<driver.Redis>()
  expectTypeOf(redis).returns.toHaveProperty('generations').toEqualTypeOf<GenerationCounts[]>()
  expectTypeOf<rekey.Redis['drained']>().returns.toEqualTypeOf<Promise<void>>()
  expectTypeOf<rekey.Cluster>().toExtend<driver.Cluster>()
  expectTypeOf(DefaultRedis).toEqualTypeOf(rekey.Redis)
  expectTypeOf(
    new rekey.Redis.Cluster([{ host: 'localhost' }], { credentials }),
  ).toEqualTypeOf<rekey.Cluster>()
})

test("the constructors take what the driver's do", () => {
  expectTypeOf(rekey.Redis).toBeConstructibleWith()
  expectTypeOf(rekey.Redis).toBeConstructibleWith(6379)
  expectTypeOf(rekey.Redis).toBeConstructibleWith(6379, 'localhost')
  expectTypeOf(rekey.Redis).toBeConstructibleWith(6379, 'localhost', { credentials })
  expectTypeOf(rekey.Redis).toBeConstructibleWith('redis://localhost', { credentials, db: 2 })
  expectTypeOf(rekey.Redis.createClient({ credentials })).toEqualTypeOf<rekey.Redis>()
  // @ts-expect-error -- it is not a cache
  void (() => new rekey.Redis({ credentials: 'password' }))
  // @ts-expect-error -- it is said by a name
  void (() => new rekey.Redis({ credentials, rotation: { reauthenticate: 'hourly' } }))
})

test('it says when it is drained', () => {
  void ((redis: rekey.Redis) =>
    redis.on('drained', (message) => expectTypeOf(message).toEqualTypeOf<DrainedMessage>()))
  void ((redis: rekey.Redis) => redis.on('message', (channel: string) => channel))
  void ((redis: rekey.Redis) => redis.on('error', (error: Error) => error))
})

test('our options fit where the driver takes its own', () => {
  void ((): driver.RedisOptions =>
    rekey.rotatingRedisOptions(credentials, { host: 'localhost', maxRetriesPerRequest: null }))
  void (() => new driver.Redis(rekey.rotatingRedisOptions(credentials, { host: 'localhost' })))
  void (() => new driver.Redis(rekey.rotatingRedisOptions(credentials)))
  void (() => new driver.Cluster([], { redisOptions: rekey.rotatingRedisOptions(credentials) }))
})

test("everything else is the driver's", () => {
  expectTypeOf(rekey.Command).toEqualTypeOf(driver.Command)
  expectTypeOf(rekey.SentinelConnector).toEqualTypeOf(driver.SentinelConnector)
  expectTypeOf<rekey.ChainableCommander>().toEqualTypeOf<driver.ChainableCommander>()
  expectTypeOf<rekey.NodeRole>().toEqualTypeOf<driver.NodeRole>()
})
