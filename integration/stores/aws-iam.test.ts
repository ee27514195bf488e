// No RDS, ElastiCache or MemoryDB can be had here: a real database's password is set to each token that is signed, so that it
// accepts the newest and no other. What AWS does with a token is not shown; that it is signed as AWS documents it, core's own tests do.

import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { createCredentials, systemClock, type CredentialsOptions } from '@rekey/core'
import {
  fromElastiCacheIam,
  fromMemoryDbIam,
  fromRdsIam,
  type AwsIdentity,
} from '@rekey/core/aws-iam'
import { reauthenticate, Redis } from '@rekey/ioredis'
import { Pool } from '@rekey/pg'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, lend, userOf } from '../pg/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import { connectRedis } from '../servers/redis.ts'
import { startStore } from './start-store.ts'
import { openPlace, toldTo } from './whole-way.ts'

const region = 'eu-central-1'
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const sts = new STSClient({ endpoint: await startStore('moto'), region, credentials })
afterAll(() => sts.destroy())

/** The first refresh of its own would come at any moment of the ten minutes before it is due. */
const onlyWhenAsked: CredentialsOptions = { jitter: 0 }

/** A role for a quarter of an hour, as a workload has one. */
async function assumeRole(): Promise<AwsIdentity> {
  const RoleArn = 'arn:aws:iam::123456789012:role/app'
  const command = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test', DurationSeconds: 900 })
  const { Credentials: role } = await sts.send(command)
  return {
    accessKeyId: role?.AccessKeyId ?? '',
    secretAccessKey: role?.SecretAccessKey ?? '',
    sessionToken: role?.SessionToken ?? '',
    expiration: role?.Expiration ?? new Date(0),
  }
}

test('RDS: new logins use the newest token, live connections stay, and no request fails', async () => {
  await using place = await openPlace(6)
  const { user } = await place.createAccount()
  const { host, port, database } = place
  const source = fromRdsIam({ host, port, user, region, identity: assumeRole })
  const { told, tokens } = toldTo(place, source)
  await using cache = createCredentials(told, onlyWhenAsked)
  await using pool = closing(new Pool({ host, port, database, max: 6, credentials: cache }))
  await fill(pool, 2)
  const before = await place.sessions()
  {
    await using load = new Load({ whoami: () => userOf(pool) }, 2)
    for (let renewal = 0; renewal < 3; renewal += 1) {
      await cache.refresh()
      await load.goOn()
    }
    expect(await place.sessions()).toEqual(before)
    const clients = await lend(pool, 3)
    for (const client of clients) client.release()
    expect(load.lost).toEqual([])
  }
  expect(new Set(tokens).size).toBe(4)
  expect((await place.sessions()).length).toBeGreaterThan(before.length)
  expect(await place.refusedLogins()).toEqual([])
  // The role had as long to live as a token has.
  expect(cache.current?.expiresAt).toBeLessThanOrEqual(Date.now() + 900_000)
})

const hour = 60 * 60_000

test.each([
  ['ElastiCache', fromElastiCacheIam, reauthenticate.elastiCacheIam],
  ['MemoryDB', fromMemoryDbIam, reauthenticate.memoryDbIam],
])(
  '%s: well before its 12 hours are over a live connection authenticates again, new logins use the newest token, and no request fails',
  async (_service, make, when) => {
    await using server = await connectRedis(await serverAddress('redis'))
    await using place = await server.createPlace({ sessions: 2 })
    const { user } = await place.createAccount()
    const source = make({ cache: 'sessions', user, region, identity: assumeRole })
    const { told, tokens } = toldTo(place, source)
    let ahead = 0
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    await using cache = createCredentials(told, { ...onlyWhenAsked, clock })
    await using proxy = await startProxy(place)
    const { host, port } = proxy
    const rotation = { spread: 0, reauthenticate: when }
    const redis = new Redis({ host, port, credentials: cache, rotation })
    redis.on('error', () => {})
    onTestFinished(() => redis.disconnect())
    const id = await redis.client('ID')
    await using load = new Load(
      { whoami: async () => String(await redis.call('ACL', 'WHOAMI')) },
      2,
    )
    for (let renewal = 0; renewal < 3; renewal += 1) {
      ahead += 7 * hour
      await cache.refresh()
      await redis.drained()
      await load.goOn()
    }
    // Otherwise another connection would have proven a token.
    expect(proxy.total).toBe(1)
    await cache.refresh()
    await redis.drained()
    // Which is what happens here, since the live one need not log in again so soon.
    expect(proxy.total).toBe(2)
    await load.goOn()
    expect(load.lost).toEqual([])
    expect(await redis.client('ID')).toBe(id)
    expect(new Set(tokens).size).toBe(5)
    expect(await place.refusedLogins()).toEqual([])
    expect(redis.generations).toMatchObject([{ version: cache.current?.version }])
  },
)
