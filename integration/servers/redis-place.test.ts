import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { serverAddress } from './on-demand.ts'
import { connectRedis } from './redis.ts'
import type { Account, Place } from './server.ts'

describe.each(['redis', 'valkey'] as const)('a place in %s', (kind) => {
  async function setUp(): Promise<{ place: Place; account: Account } & AsyncDisposable> {
    const server = await connectRedis(await serverAddress(kind))
    const place = await server.createPlace({ sessions: 4 })
    const account = await place.createAccount()
    return {
      place,
      account,
      async [Symbol.asyncDispose]() {
        await place[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  test('is all that its accounts reach', async () => {
    await using setting = await setUp()
    const { place, account } = setting
    using redis = connect(place, account)
    await redis.set(`${place.database}key`, 'value')
    await redis.publish(`${place.database}channel`, 'word')
    await expect(redis.set('key', 'value')).rejects.toThrow('NOPERM')
    await expect(redis.publish('channel', 'word')).rejects.toThrow('NOPERM')
    await expect(redis.flushall()).rejects.toThrow('NOPERM')
    await expect(redis.acl('DELUSER', account.user)).rejects.toThrow('NOPERM')
  })

  test('takes its keys along', async () => {
    const setting = await setUp()
    const { place, account } = setting
    {
      using redis = connect(place, account)
      for (let key = 0; key < 100; key += 1) await redis.set(`${place.database}${key}`, key)
    }
    await setting[Symbol.asyncDispose]()
    const { user, password } = await serverAddress(kind)
    using admin = connect(place, { user, password })
    expect(await admin.exists(`${place.database}0`, `${place.database}99`)).toBe(0)
  })

  // The server's log has 128 entries where nobody says otherwise, and puts equal ones together if they are not far apart.
  test('knows of every refused login, also among many others', async () => {
    await using setting = await setUp()
    const { place, account } = setting
    const users = [account.user]
    while (users.length < 15) users.push((await place.createAccount()).user)
    using redis = connect(place, account)
    for (let round = 0; round < 20; round += 1) {
      // One at a time: Redis gives no answer to a refused AUTH while another answer is on its way out.
      for (const user of users) await expect(redis.auth(user, 'wrong')).rejects.toThrow('WRONGPASS')
    }
    const refused = await place.refusedLogins()
    for (const user of users) {
      expect(refused.filter((one) => one.user === user)).toHaveLength(20)
    }
  })
})

function connect({ host, port }: Place, { user: username, password }: Account): Redis & Disposable {
  const redis = new Redis({ host, port, username, password })
  redis.on('error', () => {})
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() })
}
