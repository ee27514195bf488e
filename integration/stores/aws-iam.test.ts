// No RDS can be had here: the database's password is set to each token that is signed, so that it accepts the newest and
// no other. What AWS does with a token is not shown; that it is signed as AWS documents it, core's own tests do.

import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { createCredentials, map } from '@rekey/core'
import { fromRdsIam, type AwsIdentity } from '@rekey/core/aws-iam'
import { Pool } from '@rekey/pg'
import { afterAll, expect, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, lend, userOf } from '../pg/stage.ts'
import { startStore } from './start-store.ts'
import { openPlace } from './whole-way.ts'

const region = 'eu-central-1'
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const sts = new STSClient({ endpoint: await startStore('moto'), region, credentials })
afterAll(() => sts.destroy())

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

test('new logins use the newest token, live connections stay, and no request fails', async () => {
  await using place = await openPlace(6)
  const { user } = await place.createAccount()
  const { host, port, database } = place
  const tokens: string[] = []
  const source = map(
    fromRdsIam({ host, port, user, region, identity: assumeRole }),
    async (loaded) => {
      const password = String(loaded.password)
      tokens.push(password)
      await place.setPassword({ user, password })
      return loaded
    },
  )
  await using cache = createCredentials(source)
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
