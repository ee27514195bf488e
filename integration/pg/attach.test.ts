import { attachRotation } from '@rekey/pg'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import { closing, fill, lend, openStage, userOf } from './stage.ts'

const atOnce = { spread: 0 }

/** The driver's own pool, logged in as people do without rekey: as the account that the store publishes next. */
function stockPool(stage: Stage, options?: pg.PoolConfig): pg.Pool & AsyncDisposable {
  return closing(new pg.Pool({ ...stage.address, ...stage.other, max: 4, ...options }))
}

test('a pool with idle and lent connections goes over, and stays the pool that it was', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  const { user: before } = stage.other
  const [held, ...others] = await lend(pool, 4)
  for (const client of others) client.release()

  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await until('all but the held one to go over', async () => {
    const sessions = await stage.place.sessions()
    return sessions.filter(({ user }) => user === stage.account.user).length === 3
  })
  expect(held && (await userOf(held))).toBe(before)
  expect(await userOf(pool)).toBe(stage.account.user)
  held?.release()
  await rotation.drained()
  expect(await stage.place.sessions(before)).toEqual([])
  expect(pool).toBeInstanceOf(pg.Pool)
  expect(stage.proxy.peak).toBeLessThanOrEqual(4)
})

test('drained waits for what was there before the first version was loaded', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  await fill(pool, 2)
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await rotation.drained()
  const users = (await stage.place.sessions()).map(({ user }) => user)
  expect(users).not.toContain(stage.other.user)
})

test('from then on it rotates like any other', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  await fill(pool, 4)
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await rotation.drained()
  for (const version of ['2', '3', '4']) {
    await stage.rotate()
    await rotation.drained()
    await until('everything idle again', () => rotation.generations[0]?.idle === 4)
    expect(rotation.generations).toMatchObject([{ version, idle: 4 }])
    expect(await userOf(pool)).toBe(stage.account.user)
  }
})

test('callers who queued before it was attached are served in order', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage, { max: 2 })
  const held = await lend(pool, 2)
  const served: number[] = []
  const waiting = Array.from({ length: 20 }, async (_, caller) => {
    const client = await pool.connect()
    served.push(caller)
    await userOf(client)
    client.release()
  })
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  for (const client of held) client.release()
  await Promise.all(waiting)
  expect(served).toEqual(waiting.map((_, caller) => caller))
  await rotation.drained()
})

test('a statement that nobody waits for is not cut off where a client leaves that was there before', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage, { max: 2 })
  const [keeper, client] = await lend(pool, 2)
  await keeper!.query('SELECT pg_advisory_lock(1)')
  const locked = client!.query('SELECT pg_advisory_lock(1)').then(
    () => 'locked',
    (error: Error) => error.message,
  )
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  client!.release()
  await until('it to leave', () => pool.totalCount === 1)
  await keeper!.query('SELECT pg_advisory_unlock(1)')
  expect(await locked).toBe('locked')
  keeper!.release()
  await rotation.drained()
  expect(stage.proxy.peak).toBe(2)
})

test('a connection that was being dialled when it was attached counts as old', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  stage.proxy.stall()
  const connecting = pool.connect()
  await until('the dial', () => stage.proxy.total === 1)
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await stage.credentials.get()
  stage.proxy.resume()
  const client = await connecting
  expect(await userOf(client)).toBe(stage.other.user)
  client.release()
  await rotation.drained()
  expect(await stage.place.sessions(stage.other.user)).toEqual([])
})

test('a login that the store is wrong about leaves the old connections serving', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage, { max: 2 })
  await fill(pool, 2)
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  attachRotation(pool, stage.credentials, atOnce)
  await stage.credentials.get()
  await until('the refusal', async () => (await stage.place.refusedLogins()).length === 1)
  expect(await userOf(pool)).toBe(stage.other.user)
})

test('a pool with a URL, password and all, is as good as any other', async () => {
  await using stage = await openStage()
  const { address, other } = stage
  const login = `${other.user}:${other.password}`
  const connectionString = `postgres://${login}@${address.host}:${address.port}/${address.database}`
  await using pool = closing(new pg.Pool({ connectionString, max: 4 }))
  await fill(pool, 2)
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await rotation.drained()
  expect(await userOf(pool)).toBe(stage.account.user)
})

test('a store that is down when it is attached is asked again, also where nobody connects', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  await fill(pool, 2)
  stage.store.mood = 'fails'
  const rotation = attachRotation(pool, stage.credentials, atOnce)
  await until('the store to be asked', () => stage.store.loads === 1)
  await stage.clock.advance(60_000)
  expect(stage.store.loads).toBeGreaterThan(5)
  stage.store.mood = 'answers'
  // No further than that: a login has a deadline by this clock, and takes its time by the other.
  await until('the store to have answered', async () => {
    await stage.clock.advance(1_000)
    return stage.credentials.current
  })
  await rotation.drained()
  expect(await stage.place.sessions(stage.other.user)).toEqual([])
  // Others came in their place: they have not just left at their idle timeout.
  await until('everything idle again', () => rotation.generations[0]?.idle === 2)
})

test('end closes what was there before and what came after', async () => {
  await using stage = await openStage()
  await using pool = stockPool(stage)
  const [old] = await lend(pool, 1)
  await fill(pool, 1)
  attachRotation(pool, stage.credentials, atOnce)
  await until('a new one', async () => {
    return (await stage.place.sessions(stage.account.user)).length > 0
  })
  const ended = pool.end()
  old?.release()
  await ended
  expect(pool.totalCount).toBe(0)
  // One that was on its way in is closed on our side first.
  await until('the sessions to end', async () => (await stage.place.sessions()).length === 0)
})

test('what is no open pool of pg is refused', async () => {
  await using stage = await openStage()
  const ended = stockPool(stage)
  await ended.end()
  for (const stranger of [ended, {}, undefined]) {
    expect(() => attachRotation(stranger as pg.Pool, stage.credentials)).toThrow(
      expect.objectContaining({ name: 'RekeyError', code: 'ERR_REKEY_DRIVER' }) as Error,
    )
  }
})
