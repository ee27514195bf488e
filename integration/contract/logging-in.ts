import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { recordMessages } from './messages.ts'
import { Scene, type SceneOptions } from './scene.ts'

/** Sockets that say that a login is not bounded: no need to wait for the rest of them. */
const aFlood = 25

/** R1 and R5 to R8: how a pool logs in, and what it does when the server refuses. */
export function loggingIn<Connection>(adapter: Adapter<Connection>): void {
  const open = (options?: SceneOptions): Promise<Scene<Connection>> => Scene.open(adapter, options)
  const { userOf } = adapter

  describe('R1 atomic pair', () => {
    test('a login that a rotation overtakes uses user and password of one snapshot', async () => {
      await using scene = await open({ max: 4 })
      const first = await scene.borrow()
      const { user } = scene.account
      scene.proxy.stall()
      const borrowing = scene.borrowMany(3)
      await until('three dials', () => scene.proxy.total === 4)
      await scene.rotate()
      scene.proxy.resume()
      const connections = await borrowing
      expect(await Promise.all(connections.map(userOf))).toEqual([user, user, user])
      expect(await scene.place.refusedLogins()).toEqual([])
      scene.release(first, ...connections)
    })

    test('no login mixes two snapshots while the store changes all the time', async () => {
      await using scene = await open({ max: 6 })
      let changing = true
      const churn = async (): Promise<void> => {
        while (changing) scene.discard(await scene.borrow())
      }
      const churning = Promise.all([churn(), churn(), churn(), churn()])
      try {
        for (let change = 0; change < 25; change += 1) {
          // Accounts of their own, all of which stay valid: what is refused then was torn.
          scene.store.publish(await scene.place.createAccount())
          await scene.credentials.refresh()
        }
      } finally {
        changing = false
      }
      await churning
      expect(await scene.place.refusedLogins()).toEqual([])
    })
  })

  describe('R5 verify first', () => {
    test('nothing old is closed before a login with the new version has succeeded', async () => {
      await using scene = await open({ max: 4 })
      await scene.fill(3)
      const { user } = scene.account
      scene.proxy.stall()
      await scene.rotate()
      await until('the candidate to be dialled', () => scene.proxy.total === 4)
      expect(scene.counts).toEqual({ 1: 3, 2: 0 })
      expect(await scene.place.sessions(user)).toHaveLength(3)
      scene.proxy.resume()
      await scene.drained()
      await scene.untilCounts({ 2: 3 })
    })

    test('at the ceiling a candidate takes one slot, however often it is refused', async () => {
      await using scene = await open({ max: 3 })
      using messages = recordMessages()
      await scene.fill(3)
      const { user } = scene.account
      const next = await scene.renew()
      scene.store.publish({ user: next.user, password: 'not valid yet' })
      await scene.credentials.refresh()
      for (let refusals = 1; refusals <= 4; refusals += 1) {
        await until(`refusal ${refusals}`, () => {
          expect(scene.counts['1']).toBeGreaterThanOrEqual(2)
          return messages.of('rekey:candidate-refused').length === refusals
        })
        // The slot goes back to what works, and callers are served as before.
        await scene.untilCounts({ 1: 3, 2: 0 })
        expect(await scene.whoami()).toBe(user)
        await scene.clock.advance(messages.of('rekey:candidate-refused').at(-1)?.retryIn ?? 0)
      }
      const refused = await scene.place.refusedLogins()
      expect(refused.map(({ reason }) => reason)).toEqual(refused.map(() => 'credentials'))
      // Valid at last.
      scene.store.publish(next)
      await scene.credentials.refresh()
      await scene.drained()
      await scene.untilCounts({ 3: 3 })
    })

    test('at the ceiling a candidate that meets silence takes one slot, for as long as that lasts', async () => {
      await using scene = await open({ max: 3 })
      await scene.fill(3)
      scene.proxy.silentLogins = 1
      await scene.rotate()
      await until('the candidate to be dialled', () => scene.proxy.total === 4)
      await scene.clock.advance(scene.credentials.timings.loginDeadline - 1)
      expect(scene.counts).toEqual({ 1: 2, 2: 0 })
      // Then it is given up, and the next one is answered.
      await scene.clock.advance(1)
      await until('all to go over', async () => {
        await scene.pass(100)
        return scene.counts['2'] === 3
      })
      await scene.drained()
    })

    test('a candidate that becomes valid is taken up without a new version', async () => {
      await using scene = await open({ max: 2 })
      using messages = recordMessages()
      await scene.fill(2)
      const next = { user: scene.other.user, password: 'soon valid' }
      scene.store.publish(next)
      await scene.credentials.refresh()
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      await scene.place.setPassword(next)
      await scene.clock.advance(1_000)
      await scene.drained()
      await scene.untilCounts({ 2: 2 })
      expect(await scene.whoami()).toBe(next.user)
    })

    test('where everything is lent, a candidate waits for one to come back', async () => {
      await using scene = await open({ max: 2 })
      const [first, second] = await scene.borrowMany(2)
      if (first === undefined || second === undefined) throw new Error('unreachable')
      await scene.rotate()
      await scene.clock.advance(60_000)
      expect(scene.counts).toEqual({ 1: 2, 2: 0 })
      scene.release(first)
      await scene.untilCounts({ 1: 1, 2: 1 })
      scene.release(second)
      await scene.drained()
      await scene.untilCounts({ 2: 2 })
    })

    test('a dial that is cut costs the rotation nothing but time, also under load', async () => {
      await using scene = await open({ max: 3 })
      await scene.fill(3)
      let rotating = true
      const work = async (): Promise<void> => {
        while (rotating) await scene.whoami().catch(() => sleep(100))
      }
      const working = Promise.all([work(), work(), work(), work()])
      try {
        scene.proxy.cutLogins = 3
        await scene.rotate()
        let isDrained = false
        void scene.pool.drained().then(() => (isDrained = true))
        await until('the rotation to be over', async () => {
          await scene.clock.advance(100)
          return isDrained
        })
      } finally {
        rotating = false
      }
      await working
      expect(Object.keys(scene.counts)).toEqual(['2'])
    })
  })

  describe('R6 bridge', () => {
    test('store ahead: the first caller waits until the server knows the new password', async () => {
      await using scene = await open({ max: 2 })
      using messages = recordMessages()
      scene.store.publish({ user: scene.account.user, password: 'ahead' })
      const borrowing = scene.borrow()
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      await scene.place.setPassword({ user: scene.account.user, password: 'ahead' })
      await scene.clock.advance(1_000)
      scene.release(await borrowing)
      expect(await scene.place.refusedLogins()).toHaveLength(1)
    })

    test('store ahead: new connections use the last version that worked, and nobody fails', async () => {
      await using scene = await open({ max: 3 })
      using messages = recordMessages()
      await scene.fill(1)
      const { user } = scene.account
      scene.store.publish({ user: scene.other.user, password: 'ahead' })
      await scene.credentials.refresh()
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      const connections = await scene.borrowMany(3)
      expect(await Promise.all(connections.map(userOf))).toEqual([user, user, user])
      scene.release(...connections)
      expect(await scene.place.refusedLogins()).toHaveLength(1)
    })

    test('store behind: callers wait while the store is asked again, once for all of them', async () => {
      await using scene = await open({ max: 4 })
      using messages = recordMessages()
      await scene.credentials.get()
      const changed = await scene.place.rotate(scene.account)
      const borrowing = scene.borrowMany(4)
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      scene.store.publish(changed)
      // Not more than about once a second; the first load was just now.
      await scene.clock.advance(1_000)
      scene.release(...(await borrowing))
      expect(scene.store.loads).toBe(2)
      const steps = messages.of('rekey:candidate-refused').length
      expect(await scene.place.refusedLogins()).toHaveLength(steps)
    })

    test('store behind: a version that worked and then does not is bridged too', async () => {
      await using scene = await open({ max: 4 })
      using messages = recordMessages()
      await scene.fill(1)
      // The store has it, but the pool has not heard of it, and has not logged in for a while.
      scene.store.publish(await scene.place.rotate(scene.account))
      await scene.clock.advance(1_000)
      scene.release(...(await scene.borrowMany(4)))
      expect(scene.store.loads).toBe(2)
      expect(messages.of('rekey:candidate-refused')).toHaveLength(1)
      expect(await scene.place.refusedLogins()).toHaveLength(1)
      await scene.drained()
      await scene.untilCounts({ 2: 4 })
    })

    test("after the login deadline a caller gets the server's own refusal", async () => {
      await using scene = await open({ max: 2 })
      scene.store.publish({ user: scene.account.user, password: 'never valid' })
      let told: unknown
      void scene.borrow().then(
        () => (told = 'served'),
        (error: unknown) => (told = error),
      )
      const { loginDeadline } = scene.credentials.timings
      await until('the caller to be told', async () => {
        await scene.clock.advance(loginDeadline)
        return told !== undefined
      })
      const [refused] = await scene.place.refusedLogins()
      expect(told).toMatchObject({ code: refused?.code })
    })
  })

  describe('R7 bounded failures', () => {
    test('with a wrong password and 500 callers a second, the server sees one login per step', async () => {
      await using scene = await open({ max: 10 })
      using messages = recordMessages()
      scene.store.publish({ user: scene.account.user, password: 'wrong' })
      const calls: Promise<unknown>[] = []
      for (let tenth = 0; tenth < 50; tenth += 1) {
        for (let call = 0; call < 50; call += 1) calls.push(scene.whoami().catch(() => {}))
        await scene.clock.advance(100)
        // A dial takes its time, and ours stands still meanwhile.
        await until('the dial to end', () => scene.proxy.open === 0)
        expect(scene.proxy.total).toBeLessThan(aFlood)
      }
      const steps = messages.of('rekey:candidate-refused').length
      expect(await scene.place.refusedLogins()).toHaveLength(steps)
      // At 0, 250, 750, 1750 and 3750 ms, to the next tenth: by chance a half of what doubles.
      expect(steps).toBe(5)
      await scene.pool.end()
      await Promise.all(calls)
    })

    test('a wrong password beside one that works is tried once per step, and no caller fails', async () => {
      await using scene = await open({ max: 4 })
      using messages = recordMessages()
      await scene.fill(4)
      scene.store.publish({ user: scene.other.user, password: 'wrong' })
      await scene.credentials.refresh()
      for (let tenth = 0; tenth < 30; tenth += 1) {
        await Promise.all(Array.from({ length: 50 }, () => scene.whoami()))
        await scene.clock.advance(100)
        expect(scene.proxy.total).toBeLessThan(aFlood)
      }
      await scene.untilCounts({ 1: 4, 2: 0 })
      const steps = messages.of('rekey:candidate-refused').length
      expect(await scene.place.refusedLogins()).toHaveLength(steps)
      expect(steps).toBeGreaterThanOrEqual(2)
      expect(steps).toBeLessThanOrEqual(4)
    })
  })

  describe('R7 bounded failures, where a version that works stops', () => {
    test('after a lull that costs one failed login, however many callers come together', async () => {
      await using scene = await open({ max: 8 })
      using messages = recordMessages()
      await scene.fill(1)
      const changed = await scene.place.rotate(scene.account)
      await scene.clock.advance(1_000)
      const borrowing = scene.borrowMany(8)
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      await until('the dial to end', () => scene.proxy.open === 1)
      expect(scene.proxy.total).toBe(2)
      expect(await scene.place.refusedLogins()).toHaveLength(1)
      scene.store.publish(changed)
      await scene.credentials.refresh()
      scene.release(...(await borrowing))
    })

    test('logins that were under way with it belong to one step, and no other one joins them', async () => {
      await using scene = await open({ max: 8 })
      using messages = recordMessages()
      await scene.fill(1)
      const changed = await scene.place.rotate(scene.account)
      // Right after one that was accepted.
      const borrowing = scene.borrowMany(8)
      await until('the dials to end', () => scene.proxy.total === 8 && scene.proxy.open === 1)
      await until('the refusals', async () => (await scene.place.refusedLogins()).length === 7)
      // The server and the proxy know of them before the pool has heard.
      await until('the pool to hear', () => messages.of('rekey:candidate-refused').length > 0)
      scene.store.publish(changed)
      await scene.credentials.refresh()
      scene.release(...(await borrowing))
      expect(messages.of('rekey:candidate-refused')).toHaveLength(1)
      expect(await scene.place.refusedLogins()).toHaveLength(7)
    })

    test('it is refused no more often than it may be, also by logins that are under way together', async () => {
      await using scene = await open({ max: 8, rotation: { maxRefusals: 2 } })
      using messages = recordMessages()
      await scene.fill(1)
      const changed = await scene.place.rotate(scene.account)
      const served = await scene.borrow()
      const borrowing = Array.from({ length: 7 }, () => scene.borrow().catch(codeOf))
      const told = await Promise.all(borrowing)
      const refused = await until('the refusals', async () => {
        const list = await scene.place.refusedLogins()
        return list.length === 2 && list
      })
      expect(told).toEqual(told.map(() => refused[0]?.code))
      expect(scene.proxy.total).toBe(3)
      expect(messages.of('rekey:candidate-refused').at(-1)).toMatchObject({ retryIn: Infinity })
      await scene.clock.advance(60_000)
      expect(await scene.place.refusedLogins()).toHaveLength(2)
      scene.release(served)
      scene.store.publish(changed)
      await scene.credentials.refresh()
      await scene.drained()
    })
  })

  describe('R8 only establishment is retried', () => {
    test('a statement whose connection is cut fails, and has run once', async () => {
      // The server goes on with a statement whose client is gone.
      await using scene = await open({ max: 2, sessions: 4 })
      const [first, second] = await scene.borrowMany(2)
      if (first === undefined || second === undefined) throw new Error('unreachable')
      await adapter.counter.make(first)
      const counting = adapter.counter.countSlowly(first).then(
        () => 'answered',
        () => 'failed',
      )
      await until('the statement to run', async () => (await adapter.counter.read(second)) === 1)
      await scene.rotate()
      scene.proxy.cut()
      expect(await counting).toBe('failed')
      scene.discard(first)
      scene.discard(second)
      const again = await scene.borrow()
      expect(await adapter.counter.read(again)).toBe(1)
      scene.release(again)
    })
  })
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}
