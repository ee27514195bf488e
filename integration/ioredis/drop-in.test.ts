import { Redis, type RedisOptions } from '@rekey/ioredis'
import * as ours from '@rekey/ioredis'
import * as theirs from 'ioredis'
import { describe, expect, inject, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import { until } from '../until.ts'
import { closing, everyWay, openStage } from './stage.ts'

type Make = (stage: Stage, options?: RedisOptions) => theirs.Redis

/** What a client does has to be the same in all of them. */
const ways: Record<string, Make> = {
  stock: (stage, options) =>
    new theirs.Redis({ ...common(stage), ...login(stage), ...options } as object),
  'ours, without credentials': (stage, options) =>
    new Redis({ ...common(stage), ...login(stage), ...options }),
  'ours, with credentials': (stage, options) =>
    new Redis({ ...common(stage), credentials: stage.credentials, ...options }),
}

function common({ address: { host, port, database } }: Stage): RedisOptions {
  return { host, port, keyPrefix: database }
}

function login({ account: { user: username, password } }: Stage): RedisOptions {
  return { username, password }
}

/** As `once` of events, but an error in between is nothing that ends it. */
function next(redis: theirs.Redis, event: string): Promise<unknown> {
  return new Promise((resolve) => void redis.once(event as 'ready', () => resolve(undefined)))
}

const events = ['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'end', 'select']

describe.each(everyWay)('$kind, RESP$protocol', ({ kind, protocol }) => {
  describe.each(Object.entries(ways))('%s', (_, make) => {
    async function open(options: RedisOptions = {}) {
      const stage = await openStage(kind)
      const redis = closing(make(stage, { protocol, ...options }))
      const seen: string[] = []
      for (const event of events) redis.on(event, () => seen.push(event))
      return {
        stage,
        redis,
        seen,
        async [Symbol.asyncDispose]() {
          redis.disconnect()
          await stage[Symbol.asyncDispose]()
        },
      }
    }

    test('connects, is cut, comes back and ends with the same events', async () => {
      await using it = await open({ retryStrategy: () => 1 })
      await it.redis.ping()
      it.stage.proxy.cut()
      await next(it.redis, 'reconnecting')
      await it.redis.ping()
      const ended = next(it.redis, 'end')
      expect(await it.redis.quit()).toBe('OK')
      await ended
      expect(it.seen).toEqual([
        ...['connecting', 'connect', 'ready', 'close', 'reconnecting'],
        ...['connecting', 'connect', 'ready', 'close', 'end'],
      ])
      expect(it.redis.status).toBe('end')
      await expect(it.redis.ping()).rejects.toThrow('Connection is closed.')
    })

    test('waits where it is lazy, and says so when it is connected twice', async () => {
      await using it = await open({ lazyConnect: true })
      expect(it.redis.status).toBe('wait')
      await it.redis.connect()
      await expect(it.redis.connect()).rejects.toThrow('Redis is already connecting/connected')
      expect(it.seen).toEqual(['wait', 'connecting', 'connect', 'ready'])
    })

    test('tells when its queue is not to be used', async () => {
      await using it = await open({ enableOfflineQueue: false, lazyConnect: true })
      await expect(it.redis.ping()).rejects.toThrow("Stream isn't writeable")
    })

    test('gives up after as many attempts as it may make', async () => {
      await using it = await open({ maxRetriesPerRequest: 1, retryStrategy: () => 1 })
      await it.redis.ping()
      it.stage.proxy.cutLogins = 10
      it.stage.proxy.cut()
      await next(it.redis, 'close')
      await expect(it.redis.ping()).rejects.toThrow('Reached the max retries per request limit')
    })

    test('reconnects on the errors that it is told to', async () => {
      let asked = 0
      await using it = await open({
        reconnectOnError: (error) => {
          asked += 1
          return error.message.startsWith('WRONGTYPE') ? 2 : false
        },
      })
      await it.redis.set('key', 'value')
      const failing = it.redis.lpush('key', 1)
      failing.catch(() => {})
      await next(it.redis, 'reconnecting')
      await it.redis.del('key')
      expect(asked).toBeGreaterThan(0)
    })

    test('has scripts, pipelines, transactions and keys with a prefix', async () => {
      await using it = await open({
        enableAutoPipelining: true,
        scripts: {
          double: { lua: 'return redis.call("INCRBY", KEYS[1], ARGV[1] * 2)', numberOfKeys: 1 },
        },
      })
      const { redis } = it
      redis.defineCommand('echoed', { lua: 'return ARGV[1]', numberOfKeys: 0 })
      const scripted = redis as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
      expect(await scripted['double']?.('number', 4)).toBe(8)
      expect(await scripted['echoed']?.('word')).toBe('word')
      expect(await Promise.all([redis.incr('number'), redis.incr('number')])).toEqual([9, 10])
      expect(await redis.pipeline().get('number').del('number').exec()).toEqual([
        [null, '10'],
        [null, 1],
      ])
      const failing = redis.multi().set('key', 'value').lpush('key', 1).exec()
      expect((await failing)?.[1]?.[0]?.message).toMatch(/^WRONGTYPE/)
      expect(await redis.keys(`${it.stage.place.database}*`)).toEqual([
        `${it.stage.place.database}key`,
      ])
    })

    test('rejects a command that takes too long, and comes back to its database', async () => {
      await using it = await open({ commandTimeout: 60_000, db: 3, retryStrategy: () => 1 })
      const { options } = it.redis
      expect(options.commandTimeout).toBe(60_000)
      await it.redis.ping()
      it.stage.proxy.stall()
      // For this command alone: on a busy machine the others may take as long.
      options.commandTimeout = 100
      await expect(it.redis.ping()).rejects.toThrow('Command timed out')
      options.commandTimeout = 60_000
      it.stage.proxy.resume()
      await it.redis.select(4)
      it.stage.proxy.cut()
      await next(it.redis, 'ready')
      await it.redis.ping()
      expect(await it.redis.client('INFO')).toContain(' db=4 ')
      expect(it.seen.filter((event) => event === 'select').length).toBeGreaterThan(0)
    })

    test('gives up a socket that is silent for too long, and comes back', async () => {
      await using it = await open({ socketTimeout: 300, retryStrategy: () => 1 })
      const errors: string[] = []
      it.redis.on('error', ({ message }) => errors.push(message))
      await it.redis.ping()
      it.stage.proxy.stall()
      const closed = next(it.redis, 'close')
      const waiting = it.redis.ping()
      await closed
      it.stage.proxy.resume()
      expect(await waiting).toBe('PONG')
      expect(errors[0]).toBe("Socket timeout. Expecting data, but didn't receive any in 300ms.")
    })

    // The floor does not know the option.
    if (inject('driverVersion').startsWith('6.')) {
      test('answers a blocking read that gets no answer', async () => {
        await using it = await open({ blockingTimeout: 100 })
        expect(await it.redis.blpop('list', 0)).toBe(null)
        await using other = closing(make(it.stage, { protocol }))
        // The server still has the one that was given up.
        await other.rpush('list', 1)
        expect(await it.redis.ping()).toBe('PONG')
        await it.stage.rotate()
        expect(await it.redis.ping()).toBe('PONG')
      })
    }

    test('subscribes again after a cut', async () => {
      await using it = await open({ retryStrategy: () => 1, keyPrefix: '' })
      const channel = `${it.stage.place.database}news`
      const heard: string[] = []
      it.redis.on('message', (_channel, text) => heard.push(text))
      await it.redis.subscribe(channel)
      it.stage.proxy.cut()
      await next(it.redis, 'ready')
      await using other = closing(make(it.stage, { keyPrefix: '' }))
      await until('a message', async () => {
        await other.publish(channel, 'word')
        return heard.includes('word')
      })
    })

    test('looks as it does', async () => {
      await using it = await open({ lazyConnect: true })
      await using stock = closing(ways['stock']!(it.stage, { protocol, lazyConnect: true }))
      expect(it.redis).toBeInstanceOf(theirs.Redis)
      expect(Object.keys(it.redis)).toEqual(Object.keys(stock))
      for (const event of events.filter((name) => name !== 'error').concat('message', 'drained')) {
        expect(it.redis.listenerCount(event)).toBe(events.includes(event) ? 1 : 0)
      }
      const { credentials: _credentials, ...options } = it.redis.options as RedisOptions
      const { username: _username, password: _password, ...others } = stock.options
      expect({ username: null, password: null, ...options }).toMatchObject({ ...others })
    })

    test('speaks TLS', async () => {
      const { host, tlsPort, ca } = await serverAddress(kind)
      await using proxy = await startProxy({ host, port: tlsPort })
      const { port } = proxy
      await using it = await open({
        host: 'localhost',
        port,
        tls: { ca, rejectUnauthorized: false },
      })
      expect(await it.redis.ping()).toBe('PONG')
      await it.stage.rotate()
      expect(await it.redis.ping()).toBe('PONG')
    })
  })
})

test("every export of the driver's is here", () => {
  const missing = Object.keys(theirs).filter(
    (name) => !['module.exports', '__esModule', 'Promise'].includes(name) && !(name in ours),
  )
  expect(missing).toEqual([])
  expect(ours.Redis.name).toBe(theirs.Redis.name)
  expect(ours.default).toBe(ours.Redis)
  expect(ours.Redis.Cluster).toBe(ours.Cluster)
})

test("the class has what the driver's has, which is a module at the same time", () => {
  const [stock, own] = [theirs.Redis, ours.Redis] as unknown as Record<string, unknown>[]
  expect(Object.keys(stock!).filter((name) => !(name in own!))).toEqual([])
  expect(own!['Redis']).toBe(ours.Redis)
  expect(own!['default']).toBe(ours.Redis)
  expect(own!['Cluster']).toBe(ours.Cluster)
  for (const name of ['Command', 'Pipeline', 'ScanStream', 'SentinelConnector', 'print']) {
    expect(own![name]).toBe(stock![name])
  }
})

test("a cluster is one of the driver's, with credentials and without", async () => {
  await using stage = await openStage('redis')
  const { credentials } = stage
  const nodes = [{ host: 'localhost', port: 7000 }]
  const made = [
    new ours.Cluster(nodes, { lazyConnect: true }),
    new ours.Cluster(nodes, { lazyConnect: true, credentials }),
    new ours.Redis.Cluster(nodes, { lazyConnect: true, credentials }),
  ]
  for (const cluster of made) {
    for (const Class of [ours.Cluster, theirs.Cluster, theirs.Redis.Cluster]) {
      expect(cluster).toBeInstanceOf(Class)
    }
    expect(cluster.constructor.name).toBe('Cluster')
    expect(cluster).not.toBeInstanceOf(theirs.Redis)
  }
})
