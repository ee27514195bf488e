import { Redis } from '@rekey/ioredis'
import { createRedisPool } from '@rekey/ioredis/pool'
import { describe, expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { closing, everyWay, expectToHearThrough, openStage, userOf } from './stage.ts'

// A container's socket is not on this side.
describe.each(everyWay)('over a unix socket of $kind, RESP$protocol', ({ kind, protocol }) => {
  test('a client, a subscriber and a pool go over', async () => {
    await using stage = await openStage(kind)
    const { socket: path } = await serverAddress(kind)
    if (path === undefined) throw new Error('The server has no unix socket.')
    const { credentials } = stage
    const options = { path, protocol }
    const rotating = { credentials, rotation: { spread: 0 } }
    await using redis = closing(new Redis({ ...options, ...rotating }))
    await using subscriber = closing(new Redis(path, { protocol, ...rotating }))
    const pool = createRedisPool(credentials, options, { rotation: { spread: 0 } })
    expect(await pool.use(userOf)).toBe(stage.account.user)
    await expectToHearThrough(stage, subscriber, redis)
    await pool.drained()
    expect(await pool.use(userOf)).toBe(stage.account.user)
    expect(stage.proxy.total).toBe(0)
    await pool.drain()
    await pool.clear()
  })
})
