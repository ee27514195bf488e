import { Redis } from '@rekey/ioredis'
import { createRedisPool } from '@rekey/ioredis/pool'
import { describe, expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { closing, everyWay, openStage, userOf } from './stage.ts'

// A container's socket is not on this side.
describe.each(everyWay)('over a unix socket of $kind, RESP$protocol', ({ kind, protocol }) => {
  test('a client, a subscriber and a pool go over', async () => {
    await using stage = await openStage(kind)
    const { socket: path } = await serverAddress(kind)
    if (path === undefined) throw new Error('The server has no unix socket.')
    const { credentials, place } = stage
    const options = { path, protocol }
    const rotating = { credentials, rotation: { spread: 0 } }
    await using redis = closing(new Redis({ ...options, ...rotating }))
    await using subscriber = closing(new Redis(path, { protocol, ...rotating }))
    const pool = createRedisPool(credentials, options, { rotation: { spread: 0 } })
    const channel = `${place.database}news`
    const heard: string[] = []
    subscriber.on('message', (_, text) => heard.push(text))
    await subscriber.subscribe(channel)
    for (const text of ['first', 'second']) {
      const { user } = stage.account
      expect(await userOf(redis)).toBe(user)
      expect(await pool.use(userOf)).toBe(user)
      await stage.rotate()
      await Promise.all([redis, subscriber, pool].map((each) => each.drained()))
      await until('no session of the old user', async () => {
        return (await place.sessions(user)).length === 0
      })
      await redis.publish(channel, text)
      await until('the message', () => heard.at(-1) === text)
    }
    expect(heard).toEqual(['first', 'second'])
    expect(stage.proxy.total).toBe(0)
    await pool.drain()
    await pool.clear()
  })
})
