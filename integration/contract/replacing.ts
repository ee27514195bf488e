import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { recordMessages } from './messages.ts'
import { Scene, type SceneOptions } from './scene.ts'

/** R2 to R4: what callers do not notice of it, and the server neither. */
export function goingOn<Connection>(adapter: Adapter<Connection>): void {
  const open = (options?: SceneOptions): Promise<Scene<Connection>> => Scene.open(adapter, options)
  const { userOf, sessionOf } = adapter

  describe('R2 no interruption', () => {
    for (const [name, hold] of Object.entries(adapter.holds)) {
      test(`${name} outlives three rotations untouched`, async () => {
        await using scene = await open({ max: 2 })
        const [held, other] = await scene.borrowMany(2)
        if (held === undefined || other === undefined) throw new Error('unreachable')
        scene.release(other)
        const { user } = scene.account
        const session = sessionOf(held)
        const inHand = await hold(held)
        for (const version of ['2', '3', '4']) {
          await scene.rotate()
          // Whatever else the pool has closes; only the one that is held stays behind.
          await until('the others to go', () => scene.olderThan(version) === 1)
          await inHand.check()
        }
        await inHand.finish()
        expect(await userOf(held)).toBe(user)
        expect(await scene.place.sessions(user)).toContainEqual({ id: session, user })
        scene.release(held)
        await scene.drained()
      })
    }
  })

  describe('R3 no lost waiter', () => {
    test('200 callers in the queue of a pool of 4 are served in order across five rotations', async () => {
      await using scene = await open({ max: 4 })
      const holders = await scene.borrowMany(4)
      const served: number[] = []
      const rotations = [5, 40, 80, 120, 160].map((from) => ({
        from,
        ...Promise.withResolvers<void>(),
      }))
      const callers = Array.from({ length: 200 }, async (_, caller) => {
        const connection = await scene.borrow()
        served.push(caller)
        // The queue stands still until the rotation is in the pool.
        await rotations.findLast(({ from }) => caller >= from)?.promise
        await userOf(connection)
        scene.release(connection)
      })
      scene.release(...holders)
      for (const [rotation, { from, resolve }] of rotations.entries()) {
        await until(`${from} callers to be served`, () => served.length > from)
        // An account of its own each: they come faster than the pool drains, and a password that it still uses stays valid.
        expect(scene.store.publish(await scene.place.createAccount())).toBe(String(rotation + 2))
        await scene.credentials.refresh()
        resolve()
      }
      await Promise.all(callers)
      expect(served).toEqual(Array.from({ length: 200 }, (_, caller) => caller))
      await scene.drained()
      expect(await scene.place.refusedLogins()).toEqual([])
    })
  })

  describe('R4 ceiling', () => {
    const cases = {
      'old connections close slowly': { goodbyeDelay: 60 },
      'the pool hears late of what has closed': { closeDelay: 60 },
      'dials are slow': { delay: 15 },
    }
    for (const [name, faults] of Object.entries(cases)) {
      test(`the server never sees more than max sessions, also while ${name}`, async () => {
        await using scene = await open({ max: 4 })
        Object.assign(scene.proxy, faults)
        let rotating = true
        const work = async (): Promise<void> => {
          while (rotating) await scene.whoami()
        }
        const working = Promise.all([work(), work(), work(), work(), work(), work()])
        for (let rotation = 0; rotation < 3; rotation += 1) {
          await scene.rotate()
          await scene.drained()
        }
        rotating = false
        await working
        expect(scene.proxy.peak).toBeLessThanOrEqual(4)
        expect(await scene.place.refusedLogins()).toEqual([])
      })
    }

    test('surge lets a rotation go over max, by that much and no more', async () => {
      await using scene = await open({ max: 3, sessions: 5, rotation: { surge: 2 } })
      const held = await scene.borrowMany(3)
      await scene.rotate()
      await until('a session above max', () => scene.proxy.open > 3)
      scene.release(...held)
      await scene.drained()
      expect(scene.proxy.peak).toBeLessThanOrEqual(5)
      expect(await scene.place.refusedLogins()).toEqual([])
    })
  })
}

/** R9, R11 and R12: how old connections make way for new ones. */
export function replacing<Connection>(adapter: Adapter<Connection>): void {
  const open = (options?: SceneOptions): Promise<Scene<Connection>> => Scene.open(adapter, options)
  const { userOf } = adapter

  describe('R9 pace', () => {
    test('old connections leave one by one over the spread, and serve until then', async () => {
      await using scene = await open({ max: 4, rotation: { spread: 60_000 } })
      await scene.fill(4)
      const { user } = scene.account
      await scene.rotate()
      // The proof of the new version takes the first slot; the other three share the minute, each up to a turn early: by
      // chance half of one here.
      await scene.untilCounts({ 1: 3, 2: 1 })
      for (const [turn, old, next] of [
        [10_000, 2, 2],
        [20_000, 1, 3],
      ] as const) {
        await scene.pass(turn - 100)
        expect(scene.counts['1']).toBe(old + 1)
        expect(await scene.place.sessions(user)).toHaveLength(old + 1)
        await scene.pass(100)
        await scene.untilCounts({ 1: old, 2: next })
      }
      await scene.pass(20_000)
      await scene.drained()
      await scene.untilCounts({ 2: 4 })
    })

    test('with atOnce, that many leave together', async () => {
      await using scene = await open({ max: 5, rotation: { spread: 60_000, atOnce: 2 } })
      await scene.fill(5)
      await scene.rotate()
      await scene.untilCounts({ 1: 4, 2: 1 })
      await scene.pass(15_000)
      await scene.untilCounts({ 1: 2, 2: 3 })
      await scene.pass(22_500)
      await scene.drained()
      await scene.untilCounts({ 2: 5 })
    })

    test('a pool that nobody uses goes over too', async () => {
      await using scene = await open({ max: 4 })
      await scene.fill(4)
      for (const version of ['2', '3', '4']) {
        await scene.rotate()
        await scene.drained()
        await scene.untilCounts({ [version]: 4 })
      }
    })

    test('an urgent rotation takes no time at all', async () => {
      await using scene = await open({ max: 5, rotation: { spread: 30 * 60_000 } })
      await scene.fill(5)
      const { user } = scene.account
      await scene.rotate({ urgent: true })
      await scene.drained()
      await scene.untilCounts({ 2: 5 })
      await scene.untilNoSession(user)
      expect(scene.clock.now()).toBe(0)
    })

    test('a rotation that is under way becomes urgent when somebody says so', async () => {
      await using scene = await open({ max: 3, rotation: { spread: 30 * 60_000 } })
      await scene.fill(3)
      await scene.rotate()
      await scene.untilCounts({ 1: 2, 2: 1 })
      await scene.credentials.refresh({ urgent: true })
      await scene.drained()
      expect(scene.clock.now()).toBe(0)
    })
  })

  describe('R11 pile-up', () => {
    test('five rotations in one: the newest wins and every older one drains', async () => {
      await using scene = await open({ max: 4 })
      using messages = recordMessages()
      await scene.fill(4)
      const users = [scene.account.user, scene.other.user]
      scene.proxy.delay = 5
      for (let rotation = 0; rotation < 5; rotation += 1) {
        const account = await scene.place.createAccount()
        users.push(account.user)
        scene.store.publish(account)
        await scene.credentials.refresh()
      }
      await scene.drained()
      await scene.untilCounts({ 6: 4 })
      const newest = users.pop()
      expect(new Set((await scene.place.sessions()).map(({ user }) => user))).toEqual(
        new Set([newest]),
      )
      const drained = messages.of('rekey:drained').map(({ version }) => version)
      expect(drained.toSorted()).toEqual(['1', '2', '3', '4', '5'])
    })

    test('a second rotation in the middle of the first finds everybody, held ones too', async () => {
      await using scene = await open({ max: 3, rotation: { spread: 60_000 } })
      const held = await scene.borrow()
      await scene.fill(2)
      await scene.rotate()
      await scene.untilCounts({ 1: 2, 2: 1 })
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1, 3: 1 })
      scene.release(held)
      await scene.pass(60_000)
      await scene.drained()
      await scene.untilCounts({ 3: 3 })
    })

    test('each generation has its own drain deadline', async () => {
      const rotation = { spread: 0, drainDeadline: 60_000, atDrainDeadline: 'destroy' } as const
      await using scene = await open({ max: 3, rotation })
      const first = await scene.borrow()
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1 })
      const second = await scene.borrow()
      await scene.clock.advance(50_000)
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1, 3: 1 })
      await scene.clock.advance(10_000)
      // The second has had ten of its sixty seconds.
      await scene.untilCounts({ 2: 1, 3: 1 })
      expect(await userOf(second)).toBe(scene.other.user)
      await scene.clock.advance(50_000)
      await scene.untilCounts({ 3: 1 })
      scene.discard(first)
      scene.discard(second)
    })
  })

  describe('R12 generation of what was read', () => {
    test('a connection that becomes ready after the rotation is replaced like any old one', async () => {
      await using scene = await open({ max: 3 })
      await scene.fill(1)
      const { user } = scene.account
      const held = await scene.borrow()
      scene.proxy.stall()
      const borrowing = scene.borrow()
      await until('the dial', () => scene.proxy.total === 2)
      await scene.rotate()
      expect(scene.pool.generations[0]).toMatchObject({ lent: 1, connecting: 1 })
      scene.proxy.resume()
      const late = await borrowing
      // A pool whose dials belong to nobody may serve the caller by the candidate's, if that is ready first.
      const servedAs = await userOf(late)
      if (servedAs !== scene.account.user) {
        await scene.untilCounts({ 1: 2, 2: 1 })
        expect(servedAs).toBe(user)
      }
      scene.release(late, held)
      await scene.drained()
      await scene.untilNoSession(user)
    })
  })
}
