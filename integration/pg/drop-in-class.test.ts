import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import pg from 'pg'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { called, ending, threeWays, type Way } from './three-ways.ts'

type Connect = (callback: (error?: Error | null) => void) => unknown

/** Puts something else in a method's place until the end of the block. */
function patched<Method>(
  owner: object,
  name: string,
  wrap: (original: Method) => Method,
): Disposable {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  const target = owner as Record<string, Method>
  const original = target[name] as Method
  Object.defineProperty(owner, name, {
    value: wrap(original),
    configurable: true,
    writable: true,
  })
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete target[name]
      else Object.defineProperty(owner, name, before)
    },
  }
}

/** A promise of somebody else's make, as bluebird is. */
class OtherPromise<Value> extends Promise<Value> {}

/** The pool's class as a subclass in JavaScript sees it. */
type LoosePool = new (options: object) => {
  connect(...values: unknown[]): Promise<unknown>
  query(...values: unknown[]): Promise<unknown>
  end(): Promise<void>
}

/** Stands in for a client in tests of other people: no socket, no server. */
class StandIn extends EventEmitter {
  _queryable = true
  _ending = false

  connect(callback: (error: Error | null) => void): void {
    process.nextTick(callback, null)
  }

  query(_text: string, _values: unknown, callback: (error: null, result: object) => void): void {
    process.nextTick(callback, null, { rows: [{ from: 'a stand-in' }] })
  }

  end(callback?: () => void): void {
    this._ending = true
    process.nextTick(() => {
      this.emit('end')
      callback?.()
    })
  }
}

threeWays((way) => {
  test('pools and clients are instances of the driver’s classes and of the module’s', async () => {
    await using pool = ending(way.pool())
    const client = await pool.connect()
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool).toBeInstanceOf(way.Pool)
    expect(pool).toBeInstanceOf(EventEmitter)
    expect(pool.constructor.name).toContain('Pool')
    expect(client).toBeInstanceOf(pg.Client)
    expect(client).toBeInstanceOf(way.Client)
    expect(client).toBeInstanceOf(clientOf(pool))
    expect(client.constructor.name).toBe('Client')
    client.release()
  })

  test('a connect that somebody put on the module’s Client is the one that the pool uses', async () => {
    const failure = new Error('not this time')
    let calls = 0
    using _ = patched<Connect>(
      way.Client.prototype,
      'connect',
      (connect) =>
        function connectLater(this: pg.Client, callback) {
          calls += 1
          if (calls > 1) return connect.call(this, callback)
          return setTimeout(callback, 20, failure)
        },
    )
    await using pool = ending(way.pool({ max: 1, connectionTimeoutMillis: 1_000 }))
    await expect(pool.connect()).rejects.toBe(failure)
    expect(pool.totalCount).toBe(0)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
    expect(calls).toBe(2)
  })

  test('a connect that somebody delays still belongs to the pool', async () => {
    using _ = patched<Connect>(
      way.Client.prototype,
      'connect',
      (connect) =>
        function connectLater(this: pg.Client, callback) {
          setTimeout(() => connect.call(this, callback), 20)
        },
    )
    await using pool = ending(way.pool({ max: 2 }))
    const clients = await Promise.all([pool.connect(), pool.connect()])
    expect(pool.totalCount).toBe(2)
    if ('generations' in pool && way.rotates) {
      expect(pool.generations).toMatchObject([{ lent: 2, connecting: 0 }])
    }
    for (const client of clients) client.release()
  })

  test('a queued caller that timed out leaves its late client to the pool', async () => {
    let calls = 0
    const late = Promise.withResolvers<void>()
    using _ = patched<Connect>(
      way.Client.prototype,
      'connect',
      (connect) =>
        function connectLate(this: pg.Client, callback) {
          calls += 1
          if (calls === 1) return setImmediate(callback, new Error('first'))
          return late.promise.then(() => connect.call(this, callback))
        },
    )
    await using pool = ending(way.pool({ max: 1, connectionTimeoutMillis: 60_000 }))
    const first = pool.connect()
    pool.options.connectionTimeoutMillis = 50
    const queued = pool.connect()
    // For its client, which outlasts it.
    pool.options.connectionTimeoutMillis = 60_000
    const timedOut = expect(queued).rejects.toThrow('timeout exceeded when trying to connect')
    await expect(first).rejects.toThrow('first')
    await timedOut
    expect(calls).toBe(2)
    late.resolve()
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
    expect(pool.totalCount).toBe(1)
  })

  test('what instruments the driver’s own prototypes sees our connections and statements', async () => {
    const seen: string[] = []
    const spy = (name: string) => (method: (...values: unknown[]) => unknown) =>
      function spied(this: unknown, ...values: unknown[]): unknown {
        seen.push(name)
        return method.apply(this, values)
      }
    const poolPrototype = Object.getPrototypeOf(pg.Pool.prototype) as object
    using _connect = patched(pg.Client.prototype, 'connect', spy('client.connect'))
    using _query = patched(pg.Client.prototype, 'query', spy('client.query'))
    using _pool = patched(poolPrototype, 'connect', spy('pool.connect'))
    using _end = patched(poolPrototype, 'end', spy('pool.end'))
    const pool = way.pool()
    await pool.query('SELECT 1')
    await pool.end()
    expect(seen).toEqual(['pool.connect', 'client.connect', 'client.query', 'pool.end'])
  })

  test('a Client of one’s own is what the pool makes', async () => {
    const configs: unknown[] = []
    class Mine extends way.Client {
      constructor(config?: pg.ClientConfig) {
        super(config)
        configs.push(config)
      }
      hello(): string {
        return 'hello'
      }
    }
    await using pool = ending(way.pool({ Client: Mine, application_name: 'mine' }))
    const client = await pool.connect()
    expect(client).toBeInstanceOf(Mine)
    expect((client as unknown as Mine).hello()).toBe('hello')
    expect(configs).toMatchObject([{ application_name: 'mine' }])
    client.release()
  })

  test('a Client that is a function may return whatever it likes', async () => {
    const failure = new Error('never')
    const given: unknown[] = []
    function Other(config: unknown): object {
      given.push(config)
      return { connect: (callback: Connect) => callback(failure as never), on() {} }
    }
    await using pool = ending(way.pool({ Client: Other as never, application_name: 'other' }))
    await expect(pool.connect()).rejects.toBe(failure)
    expect(given).toMatchObject([{ application_name: 'other' }])
    expect(pool.totalCount).toBe(0)
  })

  test('a Client without a socket lives the life of a client', async () => {
    await using pool = ending(way.pool({ Client: StandIn as never, max: 1 }))
    const { rows } = await pool.query('SELECT 1')
    expect(rows).toEqual([{ from: 'a stand-in' }])
    const client = await pool.connect()
    expect(client).toBeInstanceOf(StandIn)
    const next = pool.connect()
    client.release(true)
    const other = await next
    expect(other).not.toBe(client)
    other.release()
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('a subclass of Pool has its own connect, query and end called', async () => {
    const seen: string[] = []
    class Mine extends (way.Pool as unknown as LoosePool) {
      override connect(...values: unknown[]): Promise<unknown> {
        seen.push('connect')
        return super.connect(...values)
      }
      override query(...values: unknown[]): Promise<unknown> {
        seen.push('query')
        return super.query(...values)
      }
      // Without a callback, as an async method is written.
      override async end(): Promise<void> {
        seen.push('end')
        await super.end()
        seen.push('ended')
      }
    }
    const pool = new Mine({ ...way.config })
    expect(pool.constructor.name).toBe('Mine')
    await pool.query('SELECT 1')
    await pool.end()
    expect(seen).toEqual(['query', 'connect', 'end', 'ended'])
  })

  test('a pool’s options make another pool, password and all', async () => {
    const password = way.rotates ? {} : { password: process.env['PGPASSWORD'] }
    await using pool = ending(way.pool({ ...password, max: 2 }))
    await pool.query('SELECT 1')
    expect(Object.keys(pool.options)).not.toContain('password')
    const before = process.env['PGPASSWORD']
    process.env['PGPASSWORD'] = 'nothing'
    try {
      await using other = ending(new way.Pool(pool.options))
      expect((await other.query('SELECT 1')).rowCount).toBe(1)
    } finally {
      process.env['PGPASSWORD'] = before
    }
  })

  test('a client of the pool’s class can be opened beside the pool, to cancel a statement', async () => {
    await using pool = ending(way.pool({ max: 1 }))
    const client = await pool.connect()
    const running = client.query('SELECT pg_sleep(60)')
    const cancelled = expect(running).rejects.toMatchObject({ code: '57014' })
    const beside = new (clientOf(pool))({ ...pool.options })
    await beside.connect()
    await beside.query('SET ROLE NONE')
    const { processID } = client as unknown as { processID: number }
    // A session that has not come to its statement yet does not notice.
    await until('the statement to run', async () => {
      const text = "SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
      return (await beside.query(text, [processID])).rowCount === 1
    })
    await beside.query('SELECT pg_cancel_backend($1)', [processID])
    await cancelled
    await beside.end()
    client.release()
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  test('a promise of one’s own is what every method returns', async () => {
    const pool = way.pool({ Promise: OtherPromise })
    const connected = pool.connect()
    expect(connected).toBeInstanceOf(OtherPromise)
    const client = await connected
    expect(client.query('SELECT 1')).toBeInstanceOf(OtherPromise)
    await client.query('SELECT 1')
    client.release()
    const calls = [
      () => pool.query('SELECT 1'),
      () => pool.query('nonsense'),
      () => pool.end(),
      () => pool.end(),
      () => pool.connect(),
      () => pool.query('SELECT 1'),
    ]
    for (const call of calls) {
      const result: Promise<unknown> = call()
      expect(result).toBeInstanceOf(OtherPromise)
      await result.catch(() => {})
    }
  })

  test('a refused connection is a promise of one’s own, too', async () => {
    await using pool = ending(way.pool({ Promise: OtherPromise, port: 1 }))
    const connected = pool.connect()
    expect(connected).toBeInstanceOf(OtherPromise)
    await expect(connected).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const client = way.client({ Promise: OtherPromise, port: 1 } as pg.ClientConfig)
    const alone = client.connect()
    expect(alone).toBeInstanceOf(OtherPromise)
    await expect(alone).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('nothing that can be printed holds the password', async () => {
    const secret = 'a-secret-that-nobody-prints'
    const options = way.rotates ? {} : { password: secret }
    const pool = way.pool({ ...options, ssl: { key: secret } })
    const client = way.client({ ...options, ssl: { key: secret } })
    for (const thing of [pool, client, pool.options]) {
      expect(inspect(thing, { depth: 20 })).not.toContain(secret)
      expect(JSON.stringify(thing)).not.toContain(secret)
    }
    expect((pool.options.ssl as { key: string }).key).toBe(secret)
    await pool.end()
  })

  test('a lent client does not print the password that it logged in with', async () => {
    const password = way.rotates ? undefined : process.env['PGPASSWORD']
    await using pool = ending(way.pool(password === undefined ? {} : { password }))
    const client = await pool.connect()
    const { password: used } = client as unknown as { password: string }
    expect(used).not.toHaveLength(0)
    expect(inspect(client, { depth: 20 })).not.toContain(used)
    expect(inspect(pool, { depth: 20 })).not.toContain(used)
    client.release()
  })

  test('the log of the driver is called', async () => {
    const messages: string[] = []
    await using pool = ending(way.pool({ log: (message: string) => void messages.push(message) }))
    await pool.query('SELECT 1')
    expect(messages).toContain('connecting new client')
    expect(messages).toContain('new client connected')
    expect(messages).toContain('dispatching query')
  })

  test('verify and onConnect see each new client, once', async () => {
    const seen: string[] = []
    const hooks: object = {
      onConnect: async (client: pg.ClientBase) => {
        await client.query('SELECT 1')
        seen.push('onConnect')
      },
      verify: (_client: unknown, done: () => void) => {
        seen.push('verify')
        done()
      },
    }
    await using pool = ending(way.pool({ max: 1, ...hooks }))
    await pool.query('SELECT 1')
    await pool.query('SELECT 1')
    expect(seen).toEqual(['onConnect', 'verify'])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('not welcome')
      },
    ],
    ['rejects', () => Promise.reject(new Error('not welcome'))],
  ])(
    'an onConnect that %s is the caller’s error, and the client is closed',
    async (_name, onConnect) => {
      await using pool = ending(way.pool({ max: 1, ...({ onConnect } as object) }))
      await expect(pool.connect()).rejects.toThrow('not welcome')
      await expect(pool.query('SELECT 1')).rejects.toThrow('not welcome')
      expect(pool.totalCount).toBe(0)
    },
  )

  test('a verify that fails is the caller’s error, and the client is closed', async () => {
    await using pool = ending(way.pool({ verify: (_client, done) => done(new Error('nope')) }))
    const [error, client, release] = await called<[Error, unknown, () => void]>((callback) =>
      pool.connect(callback as never),
    )
    expect(error.message).toBe('nope')
    expect(client).toBeUndefined()
    expect(release).toBeTypeOf('function')
    expect(pool.totalCount).toBe(0)
  })
})

function clientOf(pool: pg.Pool): Way['Client'] {
  return (pool as unknown as { Client: Way['Client'] }).Client
}
