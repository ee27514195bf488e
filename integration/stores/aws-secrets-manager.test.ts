import { randomBytes } from 'node:crypto'
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { createCredentials } from '@rekey/core'
import {
  fromAwsSecretsManager,
  type AwsSecretsManagerSource,
} from '@rekey/core/aws-secrets-manager'
import { Pool } from '@rekey/pg'
import { afterAll, expect, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, userOf } from '../pg/stage.ts'
import type { Account } from '../servers/server.ts'
import { until } from '../until.ts'
import { startStore } from './start-store.ts'
import { goTheWholeWay, openPlace } from './whole-way.ts'

const settings = {
  endpoint: await startStore('moto'),
  region: 'eu-central-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
}
const admin = new SecretsManagerClient(settings)
afterAll(() => admin.destroy())
const { signal } = new AbortController()

/** A secret as RDS writes it, and the four steps that its rotation functions go. */
class RotatedSecret {
  readonly id = `database-${randomBytes(4).toString('hex')}`
  readonly source: AwsSecretsManagerSource
  #current: string | undefined
  #pending: string | undefined

  constructor(rotation: 'single-user' | 'alternating-users' = 'single-user') {
    this.source = fromAwsSecretsManager(this.id, { rotation, client: settings })
  }

  async create(account: Account): Promise<void> {
    const answer = await admin.send(
      new CreateSecretCommand({ Name: this.id, SecretString: secretOf(account) }),
    )
    this.#current = answer.VersionId
  }

  /** The first step. The second and the third are the database's. */
  async createSecret(account: Account): Promise<void> {
    const answer = await admin.send(
      new PutSecretValueCommand({
        SecretId: this.id,
        SecretString: secretOf(account),
        VersionStages: ['AWSPENDING'],
      }),
    )
    this.#pending = answer.VersionId
  }

  /** The fourth. */
  async finishSecret(): Promise<void> {
    await admin.send(
      new UpdateSecretVersionStageCommand({
        SecretId: this.id,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: this.#pending,
        RemoveFromVersionId: this.#current,
      }),
    )
    this.#current = this.#pending
  }
}

function secretOf({ user, password }: Account): string {
  const more = { engine: 'postgres', host: 'db.internal', port: 5432, dbname: 'app' }
  return JSON.stringify({ ...more, username: user, password })
}

test('the pair that is current comes with its version’s id; what is pending or previous does not', async () => {
  const secret = new RotatedSecret()
  await secret.create({ user: 'app', password: 'one' })
  const first = await secret.source.load({ signal })
  expect(first).toEqual({
    user: 'app',
    password: 'one',
    version: expect.stringMatching(/^.{32,}$/),
    previous: undefined,
  })
  await secret.createSecret({ user: 'app', password: 'two' })
  expect(await secret.source.load({ signal })).toEqual(first)
  await secret.finishSecret()
  const second = await secret.source.load({ signal })
  expect(second).toMatchObject({ password: 'two', previous: { version: first.version } })
  expect(second.version).not.toBe(first.version)
})

test('the secret also says where its database is', async () => {
  const secret = new RotatedSecret()
  await secret.create({ user: 'app', password: 'one' })
  const address = { host: 'db.internal', port: 5432, database: 'app' }
  expect(await secret.source.address()).toEqual(address)
})

test('a secret that is not there is told with its id', async () => {
  const { id, source } = new RotatedSecret()
  await using cache = createCredentials(source)
  const told = { code: 'ERR_REKEY_LOAD', option: id, given: 'not found' }
  await expect(cache.get()).rejects.toMatchObject(told)
})

test('alternating users: three rotations under load, no request fails', async () => {
  const secret = new RotatedSecret()
  let exists = false
  await goTheWholeWay({
    source: secret.source,
    publish: async (account) => {
      if (!exists) return secret.create(account).then(() => void (exists = true))
      await secret.createSecret(account)
      await secret.finishSecret()
    },
  })
})

test('a single user: who logs in while the database is ahead of the secret waits, and nobody fails', async () => {
  await using place = await openPlace(8)
  const account = await place.createAccount()
  const secret = new RotatedSecret()
  await secret.create(account)
  // As the preset has it; polled more often than the test lasts.
  await using credentials = createCredentials(secret.source, { ttl: 200 })
  expect(credentials.timings).toMatchObject({ overlap: -90_000, loginDeadline: 120_000 })
  const { host, port, database } = place
  await using pool = closing(new Pool({ host, port, database, max: 8, credentials }))
  await fill(pool, 2)
  await using load = new Load({ whoami: () => userOf(pool) }, 2)
  const next = { ...account, password: randomBytes(12).toString('hex') }
  await secret.createSecret(next)
  await place.setPassword(next)
  // More than there are connections: somebody has to log in now.
  const lent = Array.from({ length: 6 }, () => pool.connect())
  await until('a login to be refused', async () => (await place.refusedLogins()).length > 0)
  await secret.finishSecret()
  for (const client of await Promise.all(lent)) client.release()
  await pool.drained()
  await load.goOn()
  expect(load.lost).toEqual([])
  expect(await place.sessions()).not.toHaveLength(0)
})

test('who starts while the database lags behind the secret logs in with AWSPREVIOUS, and goes over later', async () => {
  await using place = await openPlace(4)
  const [before, after] = [await place.createAccount(), await place.createAccount()]
  await place.setPassword({ ...after, password: 'not yet' })
  const secret = new RotatedSecret('alternating-users')
  await secret.create(before)
  await secret.createSecret(after)
  await secret.finishSecret()
  await using credentials = createCredentials(secret.source)
  const { host, port, database } = place
  const rotation = { spread: 0 }
  await using pool = closing(new Pool({ host, port, database, max: 4, credentials, rotation }))
  await fill(pool, 3)
  expect(await userOf(pool)).toBe(before.user)
  expect(pool.generations).toMatchObject([
    { idle: 3 },
    { version: credentials.current?.version, idle: 0 },
  ])
  await place.setPassword(after)
  await pool.drained()
  expect(await userOf(pool)).toBe(after.user)
  expect(pool.generations).toMatchObject([{ version: credentials.current?.version, idle: 3 }])
})
