import { Client, Pool, rotatingPg } from '@rekey/pg'
import pg from 'pg'
import { expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { until } from '../until.ts'
import { closing, fill, lend, openStage, userOf } from './stage.ts'

const spread = { spread: 0 }

test('rotatingPg is the module with a Pool and a Client that rotate, and nothing else changed', async () => {
  await using stage = await openStage()
  const module = rotatingPg(stage.credentials)
  const { Pool: _pool, Client: _client, ...rest } = pg as unknown as Record<string, unknown>
  expect({ ...module }).toMatchObject(rest)

  await using pool = closing(new module.Pool({ ...stage.address, max: 2 }))
  const client = new module.Client(stage.address)
  await client.connect()
  expect([await userOf(pool), await userOf(client)]).toEqual(
    Array.from({ length: 2 }, () => stage.account.user),
  )
  await client.end()
  expect(pool).toBeInstanceOf(pg.Pool)
  expect(client).toBeInstanceOf(pg.Client)
})

test('rotatingPg takes a copy of the driver that the library brings', async () => {
  await using stage = await openStage()
  class TheirClient extends pg.Client {}
  class TheirPool extends pg.Pool {}
  const theirs = { ...pg, Client: TheirClient, Pool: TheirPool }
  const module = rotatingPg(stage.credentials, theirs)
  await using pool = closing(new module.Pool({ ...stage.address, max: 2 }))
  expect(pool).toBeInstanceOf(TheirPool)
  const client = new module.Client(stage.address)
  expect(client).toBeInstanceOf(TheirClient)
  await client.connect()
  expect(await userOf(client)).toBe(stage.account.user)
  await client.end()
})

test('a Client logs in with what is current when it connects', async () => {
  await using stage = await openStage()
  const { credentials, address } = stage
  const before = new Client({ ...address, credentials })
  await before.connect()
  const late = new Client({ ...address, credentials })
  await stage.rotate()
  await late.connect()
  expect(await userOf(before)).toBe(stage.other.user)
  expect(await userOf(late)).toBe(stage.account.user)
  await Promise.all([before.end(), late.end()])
})

test('a Client waits while the store is behind, within its connectionTimeoutMillis', async () => {
  await using stage = await openStage()
  using messages = recordMessages()
  const { credentials, address } = stage
  await credentials.get()
  const changed = await stage.place.rotate(stage.account)

  const hasty = new Client({ ...address, credentials, connectionTimeoutMillis: 150 })
  await expect(hasty.connect()).rejects.toThrow('timeout expired')
  // Its own refusal, where its time was not over before.
  const refusals = messages.of('rekey:candidate-refused').length
  const client = new Client({ ...address, credentials })
  const connecting = client.connect()
  await until('a refusal', () => messages.of('rekey:candidate-refused').length > refusals)
  stage.store.publish(changed)
  await stage.clock.advance(1_000)
  await connecting
  expect(await userOf(client)).toBe(changed.user)
  await client.end()
  await until('every socket to close', () => stage.proxy.open === 0)
})

test('the options of a pool make another pool that rotates, stock or not', async () => {
  await using stage = await openStage({ sessions: 6 })
  const { credentials, address } = stage
  await using pool = closing(new Pool({ ...address, credentials, max: 2, rotation: spread }))
  await using stock = closing(new pg.Pool({ ...pool.options }))
  await using ours = closing(new Pool({ ...pool.options }))
  for (const each of [pool, stock, ours]) expect(await userOf(each)).toBe(stage.account.user)
  const [held] = await lend(stock, 1)
  await stage.rotate()
  await Promise.all([pool.drained(), ours.drained()])
  expect(await userOf(stock)).toBe(stage.account.user)
  expect(pool.generations).toMatchObject([{ version: '2', idle: 1 }])
  expect(ours.generations).toMatchObject([{ version: '2', idle: 1 }])
  held?.release()
})

test('a client of the pool’s class cancels a statement, also one of an older generation', async () => {
  await using stage = await openStage()
  const { credentials, address } = stage
  await using pool = closing(new Pool({ ...address, credentials, max: 3, rotation: spread }))
  const [held] = await lend(pool, 1)
  const { rows } = await held!.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const sleeping = held!.query('SELECT pg_sleep(30)').then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )
  await stage.rotate()
  // As kysely and others do it: with the pool's own class and options.
  const PoolClient = (pool as unknown as { Client: typeof pg.Client }).Client
  const canceller = new PoolClient({ ...pool.options })
  await canceller.connect()
  expect(await userOf(canceller)).toBe(stage.account.user)
  await canceller.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid])
  expect(await sleeping).toBe('57014')
  await canceller.end()
  held!.release()
  await pool.drained()
})

test('two pools on one cache each rotate, and each says when it is drained', async () => {
  await using stage = await openStage({ sessions: 6 })
  const { credentials, address } = stage
  const options = { ...address, credentials, max: 3, rotation: spread }
  await using first = closing(new Pool(options))
  await using second = closing(new Pool(options))
  await Promise.all([fill(first, 3), fill(second, 3)])
  const [held] = await lend(second, 1)
  await stage.rotate()
  await first.drained()
  let isDrained = false
  const drained = second.drained().then(() => (isDrained = true))
  await until('one to be left', async () => {
    return (await stage.place.sessions(stage.other.user)).length === 1
  })
  expect(isDrained).toBe(false)
  held?.release()
  await drained
})

test('a URL with a user in it logs in as whom the credentials say', async () => {
  await using stage = await openStage()
  const { credentials } = stage
  const { host, port, database } = stage.address
  const connectionString = `postgres://somebody@${host}:${port}/${database}`
  await using pool = closing(new Pool({ connectionString, credentials, rotation: spread }))
  expect(await userOf(pool)).toBe(stage.account.user)
  await stage.rotate()
  await pool.drained()
  expect(await userOf(pool)).toBe(stage.account.user)
})
