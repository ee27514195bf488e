import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { recordMessages } from './messages.ts'
import { Scene, type SceneOptions } from './scene.ts'

/** R10, R13 and R15: how one knows where a rotation stands, and what is left when it is over. */
export function ending<Connection>(adapter: Adapter<Connection>): void {
  const open = (options?: SceneOptions): Promise<Scene<Connection>> => Scene.open(adapter, options)
  const { userOf, sessionOf } = adapter

  describe('R10 awaitable', () => {
    test('drained says that the old credentials may go: no session of theirs is left', async () => {
      await using scene = await open({ max: 4 })
      scene.proxy.goodbyeDelay = 50
      using messages = recordMessages()
      const heard: string[] = []
      scene.pool.onDrained(({ version }) => heard.push(version))
      const held = await scene.borrow()
      await scene.fill(3)
      const { user } = scene.account
      await scene.rotate()
      let drained = false
      const draining = scene.pool.drained().then(() => (drained = true))
      await until(
        'all but one to go over',
        async () => (await scene.place.sessions(user)).length === 1,
      )
      expect([drained, heard, messages.of('rekey:drained')]).toEqual([false, [], []])
      scene.release(held)
      await draining
      // A goodbye is still on its way where drained does not wait for it.
      expect(scene.proxy.open).toBeLessThanOrEqual(scene.newest)
      await scene.untilNoSession(user)
      await until('the event', () => heard.length === 1)
      expect(heard).toEqual(['1'])
      expect(messages.of('rekey:drained')).toMatchObject([{ version: '1' }])
    })

    test('at the drain deadline a report says who is held, and touches nothing', async () => {
      const rotation = { spread: 0, drainDeadline: 60_000 }
      await using scene = await open({ max: 2, rotation })
      using messages = recordMessages()
      const held = await scene.borrow()
      await scene.fill(1)
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1 })
      await scene.clock.advance(59_000)
      expect(messages.of('rekey:stalled')).toEqual([])
      await scene.clock.advance(1_000)
      const [stalled] = messages.of('rekey:stalled')
      expect(stalled?.held).toHaveLength(1)
      expect(inspect(stalled?.held, { depth: 9 })).toContain(String(sessionOf(held)))
      expect(await userOf(held)).toBe(scene.other.user)
      scene.release(held)
      await scene.drained()
    })

    test('at the drain deadline cancel stops the statement and leaves the connection', async () => {
      const rotation = { spread: 0, drainDeadline: 60_000, atDrainDeadline: 'cancel' } as const
      await using scene = await open({ max: 2, rotation })
      const held = await scene.borrow()
      await adapter.counter.make(held)
      const counting = adapter.counter.countSlowly(held).then(
        () => 'answered',
        () => 'cancelled',
      )
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1 })
      await scene.clock.advance(60_000)
      expect(await counting).toBe('cancelled')
      expect(await userOf(held)).toBe(scene.other.user)
      scene.release(held)
      await scene.drained()
    })

    test('at the drain deadline destroy frees the slot, also under a statement that runs', async () => {
      const rotation = { spread: 0, drainDeadline: 60_000, atDrainDeadline: 'destroy' } as const
      await using scene = await open({ max: 2, rotation })
      const held = await scene.borrow()
      await adapter.counter.make(held)
      const counting = adapter.counter.countSlowly(held).catch(() => {})
      const { user } = scene.account
      await scene.rotate()
      await scene.untilCounts({ 1: 1, 2: 1 })
      await scene.clock.advance(60_000)
      await counting
      scene.discard(held)
      await scene.drained()
      await until('the session to end', async () => (await scene.place.sessions(user)).length === 0)
      await scene.borrowMany(2)
      expect(await scene.place.refusedLogins()).toEqual([])
    })

    test('where all is held the drain deadline comes too, and one makes room for the login that proves', async () => {
      const rotation = { spread: 0, drainDeadline: 60_000, atDrainDeadline: 'destroy' } as const
      await using scene = await open({ max: 2, rotation })
      using messages = recordMessages()
      const held = await scene.borrowMany(2)
      await scene.rotate()
      await scene.clock.advance(59_000)
      expect(messages.of('rekey:stalled')).toEqual([])
      await scene.clock.advance(1_000)
      expect(messages.of('rekey:stalled')[0]?.held).toHaveLength(2)
      await scene.untilCounts({ 1: 1, 2: 1 })
      // The other has a deadline of its own from then on.
      await scene.clock.advance(59_000)
      expect(messages.of('rekey:stalled')).toHaveLength(1)
      await scene.clock.advance(1_000)
      expect(messages.of('rekey:stalled')[1]?.held).toHaveLength(1)
      for (const connection of held) scene.discard(connection)
      await scene.drained()
    })
  })

  describe('R13 the end leaves nothing', () => {
    const states: Record<string, (scene: Scene<Connection>) => Promise<Promise<unknown>[]>> = {
      'before the first connection': async () => [],
      'with idle connections': async (scene) => {
        await scene.fill(3)
        return []
      },
      'while the first connection is dialled': async (scene) => {
        scene.proxy.delay = 30
        const borrowing = scene.borrow().then((connection) => scene.release(connection))
        await until('the dial', () => scene.proxy.total === 1)
        return [borrowing]
      },
      'while the store hangs': async (scene) => {
        scene.store.mood = 'hangs'
        const borrowing = scene.borrow()
        await until('the store to be asked', () => scene.store.loads === 1)
        setImmediate(() => void scene.clock.advance(60_000))
        return [borrowing]
      },
      'while the password is wrong': async (scene) => {
        scene.store.publish({ user: scene.account.user, password: 'wrong' })
        const borrowing = scene.borrow()
        await until('the refusal', async () => (await scene.place.refusedLogins()).length > 0)
        return [borrowing]
      },
      'with callers in the queue': async (scene) => {
        const held = await scene.borrowMany(4)
        // A pool may serve them yet.
        const waiting = [scene.whoami(), scene.whoami()]
        setImmediate(() => scene.release(...held))
        return waiting
      },
      'while a candidate is dialled': async (scene) => {
        await scene.fill(3)
        scene.proxy.stall()
        await scene.rotate()
        await until('the candidate', () => scene.pool.generations[1]?.connecting === 1)
        setImmediate(() => scene.proxy.resume())
        return []
      },
      'in the middle of a rotation with lent connections': async (scene) => {
        await scene.fill(4)
        const held = await scene.borrowMany(2)
        await scene.rotate()
        await scene.untilCounts({ 1: 2, 2: 2 })
        setImmediate(() => scene.release(...held))
        return []
      },
      'while a refused candidate waits for its next try': async (scene) => {
        using messages = recordMessages()
        await scene.fill(4)
        scene.store.publish({ user: scene.other.user, password: 'wrong' })
        await scene.credentials.refresh()
        await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
        return []
      },
      'while sockets close slowly': async (scene) => {
        await scene.fill(4)
        scene.proxy.goodbyeDelay = 30
        await scene.rotate()
        return []
      },
    }
    test('end() is over when the last session is, however slowly it closes', async () => {
      await using scene = await open({ max: 4 })
      scene.proxy.goodbyeDelay = 100
      const { user } = scene.account
      await scene.fill(4)
      await scene.pool.end()
      // A goodbye is still on its way where end does not wait for it.
      expect(scene.proxy.open).toBe(0)
      await scene.untilNoSession(user)
    })

    for (const [state, bring] of Object.entries(states)) {
      test(`end() ${state} settles every caller, and closes every socket and timer`, async () => {
        await using scene = await open({ max: 4 })
        const callers = await bring(scene)
        const settled = Promise.allSettled(callers)
        await scene.pool.end()
        await settled
        await expect(scene.borrow()).rejects.toThrow(adapter.endedMessage)
        await scene.credentials.close()
        expect(scene.clock.pending).toBe(0)
        // What was cut off in the middle of its login is closed on our side first.
        await until('the sockets to close', () => scene.proxy.open === 0)
        await until('the sessions to end', async () => (await scene.place.sessions()).length === 0)
      })
    }
  })

  describe('R15 seen from outside', () => {
    test('generations count what a rotation does, step by step', async () => {
      await using scene = await open({ max: 2 })
      const since = (at: number): Date => new Date(scene.clock.wall() + at)
      const none = { connecting: 0, idle: 0, lent: 0, closing: 0 }
      expect(scene.pool.generations).toEqual([])
      const [held] = await scene.borrowMany(1)
      if (held === undefined) throw new Error('unreachable')
      const first = { ...none, version: '1', since: since(0) }
      expect(scene.pool.generations).toEqual([{ ...first, lent: 1 }])
      await scene.clock.advance(5_000)
      scene.proxy.stall()
      await scene.rotate()
      const second = { ...none, version: '2', since: since(0) }
      expect(scene.pool.generations).toEqual([
        { ...first, lent: 1 },
        { ...second, connecting: 1 },
      ])
      scene.proxy.resume()
      await until('the second to be open', () => scene.pool.generations[1]?.idle === 1)
      scene.proxy.goodbyeDelay = 50
      scene.release(held)
      expect(scene.pool.generations).toEqual([
        { ...first, closing: 1 },
        { ...second, idle: 1 },
      ])
      await scene.drained()
      expect(scene.pool.generations).toEqual([{ ...second, idle: 1 }])
    })

    test('the channels tell the story of a rotation, and no secret', async () => {
      await using scene = await open({ max: 2, rotation: { drainDeadline: 1_000 } })
      using messages = recordMessages()
      const passwords = [scene.account.password, 'wrong password']
      const held = await scene.borrow()
      scene.store.mood = 'fails'
      await scene.credentials.refresh().catch(() => {})
      scene.store.mood = 'answers'
      scene.store.publish({ user: scene.other.user, password: 'wrong password' })
      await scene.credentials.refresh()
      await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
      const version = await scene.rotate()
      passwords.push(scene.account.password)
      await scene.untilCounts({ 1: 1, [version]: 1 })
      await scene.clock.advance(1_000)
      scene.release(held)
      await scene.drained()
      const told = messages.all.map((each) => (each as { name: string }).name)
      expect(new Set(told)).toEqual(
        new Set([
          'rekey:change',
          'rekey:verified',
          'rekey:refresh-error',
          'rekey:candidate-refused',
          'rekey:stalled',
          'rekey:drained',
        ]),
      )
      const everything = inspect([messages.all, scene.pool, scene.credentials], {
        depth: Infinity,
        showHidden: true,
      })
      for (const password of passwords) expect(everything).not.toContain(password)
    })
  })
}
