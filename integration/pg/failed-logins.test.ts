import { systemClock } from '@rekey/core'
import { Pool } from '@rekey/pg'
import { expect, test } from 'vitest'
import { recordMessages, type Recorded } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { flood } from '../flood.ts'
import { until } from '../until.ts'
import { closing, fill, openStage } from './stage.ts'

/** Each step is reported with the wait until the next one; the server must not have seen one more. */
async function expectSteps(messages: Recorded, stage: Stage, seconds: number): Promise<void> {
  // One may be on its way to us.
  const steps = await until('a step for each refused login', async () => {
    const refused = await stage.place.refusedLogins()
    const reported = messages.of('rekey:candidate-refused')
    return refused.length === reported.length && reported
  })
  // By a chance of one half: 250 ms, 500 ms, 1 s, 2 s.
  expect(steps.map(({ retryIn }) => retryIn)).toEqual(
    [250, 500, 1_000, 2_000, 4_000].slice(0, steps.length),
  )
  expect(steps.length).toBeGreaterThanOrEqual(2)
  const least = steps.slice(0, -1).reduce((sum, { retryIn }) => sum + retryIn, 0)
  expect(least).toBeLessThanOrEqual(seconds * 1_000)
}

test('a wrong password from the start: 500 callers a second, one failed login per backoff step', async () => {
  await using stage = await openStage({ sessions: 10, clock: systemClock })
  using messages = recordMessages()
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  const { address, credentials } = stage
  const options = { ...address, credentials, max: 10, connectionTimeoutMillis: 500 }
  await using pool = closing(new Pool(options))
  const { calls, failures } = await flood(pool, 3)
  await Promise.all(calls)
  expect(failures).toHaveLength(calls.length)
  await expectSteps(messages, stage, 4)
})

test('a wrong password in a rotation: one failed login per backoff step, and no caller notices', async () => {
  await using stage = await openStage({ sessions: 10, clock: systemClock })
  using messages = recordMessages()
  const { address, credentials } = stage
  await using pool = closing(new Pool({ ...address, credentials, max: 10 }))
  await fill(pool, 10)
  stage.store.publish({ user: stage.other.user, password: 'wrong' })
  await credentials.refresh()
  const { calls, failures } = await flood(pool, 3)
  await Promise.all(calls)
  expect(failures).toEqual([])
  await expectSteps(messages, stage, 4)
})

test('the only password stops working: one failed login per backoff step, until the store has the new one', async () => {
  await using stage = await openStage({ sessions: 10, clock: systemClock })
  using messages = recordMessages()
  const { address, credentials } = stage
  // Each connection serves one caller, so that all of them have to log in.
  const options = { ...address, credentials, max: 10, maxUses: 1, connectionTimeoutMillis: 500 }
  await using pool = closing(new Pool(options))
  await pool.query('SELECT 1')
  const changed = await stage.place.rotate(stage.account)
  const { calls, failures } = await flood(pool, 2)
  await Promise.all(calls)
  expect(failures.length).toBeGreaterThan(0)
  // Those that were under way when the first one was refused belong to its step. What the server has refused the pool may not
  // have heard yet.
  await until('no more refused logins than that', async () => {
    const refused = await stage.place.refusedLogins()
    return refused.length < messages.of('rekey:candidate-refused').length + 10
  })
  stage.store.publish(changed)
  await until('the pool to recover', () =>
    pool.query('SELECT 1').then(
      () => true,
      () => false,
    ),
  )
  for (let call = 0; call < 10; call += 1) await pool.query('SELECT 1')
})
