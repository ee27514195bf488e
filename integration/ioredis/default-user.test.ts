import { createCredentials } from '@rekey/core'
import { Redis } from '@rekey/ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../../packages/core/test/virtual-clock.ts'
import { recordMessages } from '../contract/messages.ts'
import { Store } from '../contract/store.ts'
import { startServer } from '../servers/start.ts'
import { inTime, until } from '../until.ts'
import { closing, everyWay, userOf } from './stage.ts'

// A password of `default` is the whole server's: each has one of its own.
test.each(everyWay)(
  '$kind, RESP$protocol: a client without a user name goes over to the next `requirepass`, past a wrong one',
  async ({ kind, protocol }) => {
    const { stop, host, port, password } = await startServer(kind)
    onTestFinished(stop)
    using messages = recordMessages()
    const store = new Store()
    store.publish({ user: 'default', password })
    const credentials = createCredentials(store.source, {
      ...{ overlap: 60 * 60_000, clock: new VirtualClock(), random: () => 0.5 },
    })
    onTestFinished(() => credentials.close())
    await using redis = closing(
      new Redis({ host, port, protocol, credentials, rotation: { spread: 0 } }),
    )
    expect(await userOf(redis)).toBe('default')

    store.publish({ user: 'default', password: 'wrong' })
    await credentials.refresh()
    await until('a refusal', () => messages.of('rekey:candidate-refused').length === 1)
    await redis.config('SET', 'requirepass', 'another')
    const version = store.publish({ user: 'default', password: 'another' })
    await credentials.refresh()
    await redis.drained()
    expect(redis.generations).toMatchObject([{ version, idle: 1 }])
    const { stream } = redis
    stream.destroy()
    await until('another connection', () => redis.stream !== stream && redis.status === 'ready')
    expect(await userOf(redis)).toBe('default')
    expect(messages.of('rekey:candidate-refused')).toHaveLength(1)
  },
)

test.each(everyWay)(
  '$kind, RESP$protocol: a server that wants no password lets the client go over, and all that it opens',
  async ({ kind, protocol }) => {
    const { stop, host, port, password } = await startServer(kind)
    onTestFinished(stop)
    await using operator = closing(new Redis({ host, port, password }))
    await operator.config('SET', 'requirepass', '')
    const store = new Store()
    store.publish({ user: 'default', password: 'one' })
    const credentials = createCredentials(store.source, {
      ...{ overlap: 60 * 60_000, clock: new VirtualClock(), random: () => 0.5 },
    })
    onTestFinished(() => credentials.close())
    // The driver warns on the console.
    await using redis = closing(
      new Redis({ host, port, protocol, credentials, rotation: { spread: 0 } }),
    )
    expect(await redis.ping()).toBe('PONG')
    const version = store.publish({ user: 'default', password: 'two' })
    await credentials.refresh()
    await inTime('the rotation', redis.drained())
    expect(redis.generations).toMatchObject([{ version, idle: 1 }])
  },
)
