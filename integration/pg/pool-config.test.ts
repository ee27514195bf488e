import { poolConfig } from '@rekey/pg'
import pg from 'pg'
import { expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import { closing, fill, lend, openStage, userOf } from './stage.ts'
import { called } from './three-ways.ts'

/** The driver's own pool, from a configuration alone. */
function configured(stage: Stage, options: pg.PoolConfig = {}): pg.Pool & AsyncDisposable {
  const config = { ...stage.address, max: 4, ...options }
  return closing(new pg.Pool(poolConfig(stage.credentials, config, { spread: 20_000 })))
}

async function usersOf(stage: Stage): Promise<Set<string>> {
  return new Set((await stage.place.sessions()).map(({ user }) => user))
}

/** Uses the pool all the time, and lets time pass, until something is so. Fails if a use fails. */
async function useUntil(
  stage: Stage,
  pool: pg.Pool,
  what: string,
  look: () => Promise<boolean>,
): Promise<void> {
  await until(what, async () => {
    await Promise.all(Array.from({ length: 8 }, () => pool.query('SELECT 1')))
    await stage.clock.advance(1_000)
    return look()
  })
}

test('new connections log in with what is current, user and password', async () => {
  await using stage = await openStage()
  await using pool = configured(stage)
  const first = await pool.connect()
  expect(await userOf(first)).toBe(stage.account.user)
  await stage.rotate()
  const second = await pool.connect()
  expect(await userOf(second)).toBe(stage.account.user)
  expect(await userOf(first)).toBe(stage.other.user)
  first.release()
  second.release()
  expect(await stage.place.refusedLogins()).toEqual([])
})

test('a busy pool at its ceiling goes over one by one, and no use fails', async () => {
  await using stage = await openStage()
  await using pool = configured(stage)
  await fill(pool, 4)
  await stage.rotate()
  await useUntil(stage, pool, 'everything to go over', async () => {
    const users = await usersOf(stage)
    return users.size === 1 && users.has(stage.account.user)
  })
  expect(await stage.place.refusedLogins()).toEqual([])
})

test('a statement that nobody waits for is not cut off where its client leaves', async () => {
  await using stage = await openStage()
  await using pool = configured(stage, { max: 2 })
  const [keeper, client] = await lend(pool, 2)
  await keeper!.query('SELECT pg_advisory_lock(1)')
  const locked = client!.query('SELECT pg_advisory_lock(1)')
  await stage.rotate()
  client!.release()
  expect(pool.totalCount).toBe(1)
  await keeper!.query('SELECT pg_advisory_unlock(1)')
  await locked
  keeper!.release()
  await until('the socket to close', () => stage.proxy.open < 2)
})

test('a candidate that is refused costs one connection at a time, and no use fails', async () => {
  await using stage = await openStage()
  using messages = recordMessages()
  await using pool = configured(stage)
  await fill(pool, 4)
  const { user } = stage.account
  stage.store.publish({ user: stage.other.user, password: 'wrong' })
  await stage.credentials.refresh()
  await useUntil(stage, pool, 'some refusals', async () => {
    expect((await stage.place.sessions(user)).length).toBeGreaterThanOrEqual(2)
    return messages.of('rekey:candidate-refused').length >= 3
  })
  expect(await userOf(pool)).toBe(user)
})

test('in a quiet pool one leaves alone, for a login of our own that proves the newest version', async () => {
  await using stage = await openStage()
  using messages = recordMessages()
  await using pool = configured(stage)
  await fill(pool, 4)
  const { user } = stage.account
  await stage.rotate()
  for (let use = 0; use < 10; use += 1) await pool.query('SELECT 1')
  await until('the proof', () => messages.of('rekey:verified').length === 2)
  for (let use = 0; use < 10; use += 1) await pool.query('SELECT 1')
  expect(await stage.place.sessions(user)).toHaveLength(3)
})

test('a pool with room has the newest version proven, and nobody leaves for it', async () => {
  await using stage = await openStage()
  using messages = recordMessages()
  await using pool = configured(stage)
  await fill(pool, 3)
  const { user } = stage.account
  await stage.rotate()
  await pool.query('SELECT 1')
  await until('the proof', () => messages.of('rekey:verified').length === 2)
  expect(await stage.place.sessions(user)).toHaveLength(3)
})

test('without a spread a quiet pool goes over as fast as it is used', async () => {
  await using stage = await openStage()
  const config = poolConfig(stage.credentials, { ...stage.address, max: 4 }, { spread: 0 })
  await using pool = closing(new pg.Pool(config))
  await fill(pool, 4)
  await stage.rotate()
  await until('the old ones to leave', async () => {
    await fill(pool, 4)
    return (await stage.place.sessions(stage.other.user)).length === 0
  })
})

test('a client that has died in its holder’s hands keeps no other from leaving', async () => {
  await using stage = await openStage()
  const config = poolConfig(stage.credentials, { ...stage.address, max: 2 }, { spread: 0 })
  await using pool = closing(new pg.Pool(config))
  const [dead, other] = await lend(pool, 2)
  const { processID } = dead as unknown as { processID: number }
  const died = called((callback) => dead!.once('end', callback))
  await stage.place.kill({ id: processID, user: stage.account.user })
  await died
  for (const client of [dead, other]) client!.release()
  await stage.rotate()
  await until('the old ones to leave', async () => {
    await fill(pool, 2)
    return (await stage.place.sessions(stage.other.user)).length === 0
  })
})

test('what nobody takes leaves when its lifetime is over, which fits into the window', async () => {
  await using stage = await openStage()
  const config: pg.PoolConfig = poolConfig(stage.credentials, { ...stage.address })
  const { overlap } = stage.credentials.timings
  expect(config.maxLifetimeSeconds).toBeGreaterThan(60)
  expect(config.maxLifetimeSeconds).toBeLessThan(overlap / 1_000)

  await using pool = configured(stage, { maxLifetimeSeconds: 1 })
  await fill(pool, 3)
  const { user } = stage.account
  await stage.rotate()
  await until('the old ones to leave', async () => (await stage.place.sessions(user)).length === 0)
})

test('the options that were given stay, and a Client of one’s own is what the pool makes', async () => {
  await using stage = await openStage()
  class Mine extends pg.Client {
    isMine = true
  }
  const config = { ...stage.address, Client: Mine, max: 3, application_name: 'mine' }
  await using pool = closing(new pg.Pool(poolConfig(stage.credentials, config)))
  const client = await pool.connect()
  expect(client).toBeInstanceOf(Mine)
  expect((client as unknown as Mine).isMine).toBe(true)
  const { rows } = await client.query('SHOW application_name')
  expect(rows).toEqual([{ application_name: 'mine' }])
  client.release()
})

test('giving a connection back still closes it where its holder says so, and only once', async () => {
  await using stage = await openStage()
  await using pool = configured(stage)
  const [broken, whole] = await lend(pool, 2)
  broken?.release(new Error('broken'))
  whole?.release()
  await until('the broken one to close', () => stage.proxy.open === 1)
  expect(() => whole?.release()).toThrow('Release called on client')
})

test('a password beside the credentials is refused', async () => {
  await using stage = await openStage()
  const wrong = [{ password: 'secret' }, { connectionString: 'postgres://me:secret@host/app' }]
  for (const config of wrong) {
    expect(() => poolConfig(stage.credentials, { ...stage.address, ...config })).toThrow(
      expect.objectContaining({ code: 'ERR_REKEY_CONFLICT' }) as Error,
    )
  }
})
