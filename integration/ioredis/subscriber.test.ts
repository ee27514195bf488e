import type { LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { RekeyError, systemClock } from '@rekey/core'
import type { Redis as RotatingRedis } from '@rekey/ioredis'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import type { ServerAddress } from '../servers/server.ts'
import { inTime, until } from '../until.ts'
import { adminOf, connect, everyWay, expectToHearThrough, openStage, userOf } from './stage.ts'

type Channels = Record<'publish' | 'spublish', string[]>

/** Publishes numbers, each once to each channel, at about this many messages a second in all. */
class Publisher implements AsyncDisposable {
  sent = 0
  readonly #redis: Redis
  #going = true
  readonly #done: Promise<void>

  constructor(
    { host, port, user: username, password }: ServerAddress,
    channels: Channels,
    rate: number,
  ) {
    this.#redis = new Redis({ host, port, username, password, protocol: 2 })
    this.#done = this.#publish(channels, rate)
  }

  async #publish({ publish, spublish }: Channels, rate: number): Promise<void> {
    await this.#redis.ping()
    const each = publish.length + spublish.length
    const start = performance.now()
    while (this.#going) {
      const due = ((performance.now() - start) / 1000) * (rate / each)
      for (; this.sent < due; this.sent += 1) {
        for (const name of publish) void this.#redis.publish(name, String(this.sent))
        for (const name of spublish) void this.#redis.spublish(name, String(this.sent))
      }
      await sleep(1)
    }
  }

  async stop(): Promise<number> {
    this.#going = false
    await this.#done
    await this.#redis.ping()
    return this.sent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#redis.disconnect()
  }
}

const numbers = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${number}`)

describe.each(everyWay)('$kind, RESP$protocol', ({ kind, protocol }) => {
  test('a subscriber goes through 10 rotations at 1,000 messages a second: none is lost, none comes twice', async () => {
    await using stage = await openStage(kind, systemClock)
    const at = (name: string): string => `${stage.place.database}${name}`
    await using redis = connect(stage, protocol, { keyPrefix: '' })
    const events: string[] = []
    for (const event of ['close', 'reconnecting', 'end', 'error'])
      redis.on(event, () => events.push(event))
    const heard: Record<string, string[]> = { plain: [], pattern: [], sharded: [], binary: [] }
    redis.on('message', (_, text) => heard['plain']?.push(text))
    redis.on('messageBuffer', (_, bytes) => heard['binary']?.push(bytes.toString()))
    redis.on('pmessage', (_, channel, text) => {
      if (channel === at('other')) heard['pattern']?.push(text)
    })
    redis.on('smessage', (_: string, text: string) => heard['sharded']?.push(text))
    await redis.subscribe(at('plain'))
    // The accounts may use this pattern and no other.
    await redis.psubscribe(at('*'))
    await redis.ssubscribe(at('sharded'))
    let sent: number
    {
      await using publisher = new Publisher(
        await serverAddress(kind),
        { publish: [at('plain'), at('other')], spublish: [at('sharded')] },
        1_000,
      )
      for (let rotation = 0; rotation < 10; rotation += 1) {
        const { user } = stage.account
        const before = publisher.sent
        await stage.rotate()
        await redis.drained()
        await stage.place.revoke({ user, password: '' })
        expect(await stage.place.sessions(user)).toEqual([])
        await until('more messages', () => publisher.sent > before + 30)
      }
      sent = await publisher.stop()
    }
    await until('the last message', () => heard['pattern']?.length === sent)
    await until('the last message', () => heard['sharded']?.length === sent)
    const all = numbers(sent)
    expect(heard).toEqual({ plain: all, binary: all, pattern: all, sharded: all })
    expect(events).toEqual([])
    expect(redis.mode).toBe(protocol === 2 ? 'subscriber' : 'normal')
    await redis.unsubscribe(at('plain'))
    await redis.punsubscribe(at('*'))
    await redis.sunsubscribe(at('sharded'))
    expect(await redis.set(at('key'), 'value')).toBe('OK')
  })

  test('over TLS, its successor connects to the same server, under the name that the certificate is for', async () => {
    await using stage = await openStage(kind)
    const { host, tlsPort, ca } = await serverAddress(kind)
    await using proxy = await startProxy({ host, port: tlsPort })
    // The name leads there once, and then to where nobody is.
    const addresses = [proxy.host]
    const lookup: LookupFunction = (_, { all }, done) => {
      const address = addresses.shift() ?? '127.0.0.99'
      if (all) done(null, [{ address, family: 4 }])
      else done(null, address, 4)
    }
    await using redis = connect(stage, protocol, {
      ...{ host: 'localhost', port: proxy.port, tls: { ca, lookup } },
      keyPrefix: '',
    })
    await using other = connect(stage, protocol, { keyPrefix: '' })
    await expectToHearThrough(stage, redis, other)
    expect(redis.stream).toBeInstanceOf(TLSSocket)
    expect(proxy.total).toBe(protocol === 2 ? 4 : 1)
  })

  test('it is another connection to the server where it cannot log in again: number, name, what is redirected to it', async () => {
    await using stage = await openStage(kind)
    const own = { keyPrefix: '', connectionName: 'by-option' }
    await using redis = connect(stage, protocol, own)
    const channel = `${stage.place.database}news`
    const about = async (): Promise<unknown[]> => [
      await redis.client('ID'),
      await redis.client('GETNAME'),
    ]
    await redis.client('SETNAME', 'by-hand')
    const before = await about()
    await redis.subscribe(channel)
    await using other = connect(stage, protocol)
    await other.client('TRACKING', 'ON', 'REDIRECT', Number(before[0]))
    await stage.rotate()
    await Promise.all([redis.drained(), other.drained()])
    await redis.unsubscribe(channel)
    const isAnother = protocol === 2
    const after = await about()
    expect(after[0] !== before[0]).toBe(isAnother)
    expect(after[1]).toBe(isAnother ? 'by-option' : 'by-hand')
    expect(after[0] === (await other.client('GETREDIR'))).toBe(!isAnother)
  })

  test('what it may not hear again when it is back is an error of the client, which works on', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { keyPrefix: '' })
    const errors: Error[] = []
    redis.on('error', (error) => errors.push(error))
    await redis.subscribe(`${stage.place.database}news`)
    await using admin = await adminOf(kind)
    await admin.acl('SETUSER', stage.account.user, 'resetchannels')
    stage.proxy.cut()
    await until('the error', () => errors.some(({ message }) => message.startsWith('NOPERM')))
    expect(await userOf(redis)).toBe(stage.account.user)
  })

  test('one that is ended while it comes back ends, and nothing is left that nobody has caught', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, protocol, { keyPrefix: '' })
    await redis.subscribe(`${stage.place.database}news`)
    redis.on('connect', () => {
      // With the answer to its last question the driver is ready, and subscribes again.
      redis.stream.prependListener('data', (answer) => {
        if (String(answer).includes('redis_version')) redis.disconnect()
      })
    })
    stage.proxy.cut()
    await until('its end', () => redis.status === 'end')
  })
})

describe.each(everyWay.filter(({ protocol }) => protocol === 2))(
  '$kind, RESP2: a new user who may not',
  ({ kind }) => {
    test.each([
      ['PING', '-ping'],
      ['hear what the old one does', 'resetchannels'],
    ])('%s takes over no subscriber, and the error says why', async (_, rule) => {
      await using stage = await openStage(kind)
      const { place } = stage
      await using redis = connect(stage, 2, { keyPrefix: '' })
      const errors: Error[] = []
      redis.on('error', (error) => errors.push(error))
      const channel = `${place.database}news`
      const heard: string[] = []
      redis.on('message', (__, text) => heard.push(text))
      await redis.subscribe(channel)
      const { user } = stage.account
      await using admin = await adminOf(kind)
      await admin.acl('SETUSER', stage.other.user, rule)
      await stage.rotate()
      await until('the error', () => errors.length > 0)
      expect(errors[0]).toBeInstanceOf(RekeyError)
      expect(errors[0]).toMatchObject({
        ...{ code: 'ERR_REKEY_OPTION', option: 'credentials' },
        message: expect.stringContaining('NOPERM'),
      })
      await until('its successor to be gone', async () => (await place.sessions()).length === 1)
      expect(await place.sessions(user)).toHaveLength(1)
      await admin.acl('SETUSER', stage.account.user, '+ping', `&${place.database}*`)
      await untilAnotherDials(stage, redis)
      await redis.drained()
      expect(await place.sessions(user)).toEqual([])
      await admin.publish(channel, 'word')
      await until('the message', () => heard.includes('word'))
    })
  },
)

describe.each(everyWay.filter(({ protocol }) => protocol === 2))('$kind, RESP2', ({ kind }) => {
  test('a subscriber whose successor meets silence stays until another one takes its place', async () => {
    await using stage = await openStage(kind)
    await using admin = await adminOf(kind)
    await using redis = connect(stage, 2, { keyPrefix: '' })
    const channel = `${stage.place.database}news`
    const heard: string[] = []
    redis.on('message', (_, text) => heard.push(text))
    await redis.subscribe(channel)
    const { user } = stage.account
    stage.proxy.silentLogins = 1
    await stage.rotate()
    await until('its dial', () => stage.proxy.silentLogins === 0)
    await admin.publish(channel, 'during')
    await stage.clock.advance(stage.credentials.timings.loginDeadline)
    await admin.publish(channel, 'after')
    await untilAnotherDials(stage, redis)
    await inTime('the rotation', redis.drained())
    await until('nothing of the old user', async () => {
      return (await stage.place.sessions(user)).length === 0
    })
    await admin.publish(channel, 'behind it')
    await until('the last message', () => heard.includes('behind it'))
    expect(heard).toEqual(['during', 'after', 'behind it'])
  })

  test('a subscriber to a thousand channels far away goes over in time', async () => {
    await using stage = await openStage(kind)
    await using redis = connect(stage, 2, { keyPrefix: '' })
    const channels = numbers(1_000).map((number) => `${stage.place.database}${number}`)
    await redis.subscribe(...channels)
    const { user } = stage.account
    // One after the other they would take longer than the test has.
    stage.proxy.delay = 20
    await stage.rotate()
    await inTime('the rotation', redis.drained())
    await until('nothing of the old user', async () => {
      return (await stage.place.sessions(user)).length === 0
    })
    await using admin = await adminOf(kind)
    const heard: string[] = []
    redis.on('message', (channel) => heard.push(channel))
    for (const channel of channels) void admin.publish(channel, 'word')
    await until('all of them', () => heard.length === channels.length)
    expect(heard).toEqual(channels)
  })

  test.each(['disconnect', 'quit'] as const)(
    '%s in the middle of a hand-over is the end',
    async (how) => {
      await using stage = await openStage(kind)
      await using redis = connect(stage, 2, { keyPrefix: '' })
      const errors: Error[] = []
      redis.on('error', (error) => errors.push(error))
      await redis.subscribe(`${stage.place.database}news`)
      // Longer than its successor needs.
      stage.proxy.closeDelay = 100
      let isAsked = false
      redis.stream.prependListener('data', (answer) => {
        if (isAsked || !String(answer).includes('pong')) return
        isAsked = true
        void redis[how]()
      })
      await stage.rotate()
      await until('its end', () => redis.status === 'end')
      await until('the sockets to close', () => stage.proxy.open === 0)
      expect(isAsked).toBe(true)
      expect(errors).toEqual([])
    },
  )
})

/** Lets time pass until a successor is under way, and stand still then: it would end a login that is not answered. */
async function untilAnotherDials(
  { clock, credentials }: Stage,
  redis: RotatingRedis,
): Promise<void> {
  await until('another successor', async () => {
    const newest = redis.generations.find(({ version }) => version === credentials.current?.version)
    if (newest !== undefined && newest.connecting + newest.lent + newest.idle > 0) return true
    await clock.advance(1_000)
    return false
  })
}
