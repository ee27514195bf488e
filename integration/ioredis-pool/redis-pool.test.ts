import { once } from 'node:events'
import { inspect } from 'node:util'
import { createRedisPool, type PoolOptions } from '@rekey/ioredis/pool'
import { Redis, type RedisOptions } from 'ioredis'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { ending } from './directory-stage.ts'
import { openStage } from './stage.ts'

function open(stage: Stage, options: PoolOptions = {}, redis: RedisOptions = {}) {
  const { host, port, database: keyPrefix } = stage.address
  return ending(createRedisPool(stage.credentials, { host, port, keyPrefix, ...redis }, options))
}

test("lends the driver's own clients, whichever protocol they speak", async () => {
  await using stage = await openStage()
  for (const protocol of [2, 3] as const) {
    await using pool = open(stage, {}, { protocol })
    await pool.use(async (redis) => {
      expect(redis).toBeInstanceOf(Redis)
      expect(await redis.set('key', 'value')).toBe('OK')
      expect(await redis.acl('WHOAMI')).toBe(stage.account.user)
    })
  }
})

test('takes a URL without a login, and the database in it', async () => {
  await using stage = await openStage()
  const { host, port } = stage.address
  await using pool = ending(createRedisPool(stage.credentials, `redis://${host}:${port}/2`))
  const info = await pool.use((redis) => redis.client('INFO'))
  expect(info).toContain('db=2')
})

test('a MULTI with WATCH is alone on its connection', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 4 })
  const addOne = (): Promise<unknown> =>
    pool.use(async (redis) => {
      for (;;) {
        await redis.watch('sum')
        const sum = Number(await redis.get('sum'))
        if (
          (await redis
            .multi()
            .set('sum', sum + 1)
            .exec()) !== null
        )
          return
      }
    })
  const adding = Promise.all(Array.from({ length: 60 }, addOne))
  await stage.rotate()
  await adding
  expect(await pool.use((redis) => redis.get('sum'))).toBe('60')
})

test('a connection that is lost fails its commands, leaves the pool and does not come back', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 1 })
  const redis = await pool.acquire()
  const reading = redis.blpop('nothing', 0)
  stage.proxy.cut()
  await expect(reading).rejects.toThrow()
  await expect(redis.ping()).rejects.toThrow('Connection is closed')
  await pool.release(redis)
  expect(pool.size).toBe(0)
  await pool.use(async (other) => expect(other).not.toBe(redis))
  stage.proxy.cut()
  await until('the idle one to leave', () => pool.size === 0)
})

test('destroy drops a connection under a blocking read at once', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 1 })
  const redis = await pool.acquire()
  const reading = redis.blpop('nothing', 0).catch(() => 'dropped')
  await pool.destroy(redis)
  expect(await reading).toBe('dropped')
  await until('the session to end', async () => (await stage.place.sessions()).length === 0)
})

test('testOnBorrow passes who may not PING, and no connection that is closed', async () => {
  await using stage = await openStage()
  const { host, port, user, password } = await serverAddress('redis')
  const admin = new Redis({ host, port, username: user, password })
  await stage.credentials.get()
  await admin.acl('SETUSER', stage.account.user, '-ping')
  admin.disconnect()
  await using pool = open(stage, { testOnBorrow: true })
  const first = await pool.acquire()
  await expect(first.ping()).rejects.toThrow('NOPERM')
  await pool.release(first)
  const again = await pool.acquire()
  expect(again).toBe(first)
  await pool.release(again)
  first.disconnect()
  const other = await pool.acquire()
  expect(other).not.toBe(first)
  await pool.release(other)
})

test('a server that is silent after the TCP handshake is given up after connectTimeout', async () => {
  await using stage = await openStage()
  await using pool = open(stage, {}, { connectTimeout: 60 })
  stage.proxy.stall()
  const acquiring = pool.acquire().catch((error: unknown) => error)
  await once(pool, 'factoryCreateError')
  // Who is in the queue hears why.
  await pool.drain()
  expect(await acquiring).toMatchObject({ code: 'ETIMEDOUT' })
  stage.proxy.resume()
})

test('a duplicate of a lent connection logs in with what is current', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 2 })
  const redis = await pool.acquire()
  const before = await redis.acl('WHOAMI')
  await stage.rotate()
  const other = redis.duplicate()
  expect(await other.acl('WHOAMI')).toBe(stage.account.user)
  expect(await redis.acl('WHOAMI')).toBe(before)
  other.disconnect()
  await once(other, 'end')
  await pool.release(redis)
})

test('no password is on the pool, on its connections, or on the errors of its logins', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 2, rotation: { spread: 0 } })
  const errors: unknown[] = []
  pool.on('factoryCreateError', (error: unknown) => errors.push(error))
  const redis = await pool.acquire()
  const passwords = [stage.account.password, 'wrong-password']
  stage.store.publish({ user: stage.other.user, password: 'wrong-password' })
  await stage.credentials.refresh()
  await until('the refusal', () => errors.length > 0)
  const everything = inspect([pool, redis, errors], { depth: Infinity, showHidden: true })
  for (const password of passwords) expect(everything).not.toContain(password)
  await pool.release(redis)
})

test('after the rotation the old user may be deleted, and nobody is cut', async () => {
  await using stage = await openStage()
  await using pool = open(stage, { max: 3, rotation: { spread: 0 } })
  const clients = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
  const old = stage.account.user
  for (const client of clients) await pool.release(client)
  await stage.rotate()
  await pool.drained()
  const { host, port, user, password } = await serverAddress('redis')
  const admin = new Redis({ host, port, username: user, password })
  expect(await admin.client('LIST')).not.toContain(`user=${old} `)
  await admin.acl('DELUSER', old)
  admin.disconnect()
  const users = await Promise.all([1, 2, 3].map(() => pool.use((redis) => redis.acl('WHOAMI'))))
  expect(users).toEqual(Array(3).fill(stage.account.user))
})
