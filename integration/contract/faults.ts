import type { RekeyError } from '@rekey/core'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { goneOver, runUnderLoad, type Load, type LoadOptions } from './load.ts'
import { recordMessages } from './messages.ts'
import { Scene } from './scene.ts'

/** What goes wrong around a rotation, under load: nothing is lost, nothing hangs, nothing is left. */
export function faults<Connection>(adapter: Adapter<Connection>): void {
  const underLoad = (
    options: LoadOptions,
    body: (scene: Scene<Connection>, load: Load) => Promise<void>,
  ): Promise<void> => runUnderLoad(adapter, options, body)

  describe('faults under load', () => {
    test('the store is down for ten rotations', async () => {
      await underLoad({}, async (scene, load) => {
        using messages = recordMessages()
        scene.store.mood = 'fails'
        const { other } = scene
        for (let rotation = 0; rotation < 10; rotation += 1) {
          scene.store.publish(await scene.place.rotate(other))
          await scene.clock.advance(scene.credentials.timings.ttl)
          await load.goOn()
        }
        expect(messages.of('rekey:refresh-error').length).toBeGreaterThan(10)
        scene.store.mood = 'answers'
        await scene.rotate()
        await goneOver(scene)
      })
    })

    test('the store hangs', async () => {
      await underLoad({}, async (scene, load) => {
        using messages = recordMessages()
        scene.store.mood = 'hangs'
        await scene.clock.advance(2 * scene.credentials.timings.ttl)
        await load.goOn()
        expect(messages.of('rekey:refresh-error')).toContainEqual(
          expect.objectContaining({
            error: expect.objectContaining({ code: 'ERR_REKEY_LOAD_DEADLINE' }) as RekeyError,
          }),
        )
        scene.store.mood = 'answers'
        scene.store.publish(await scene.renew())
        // The load that hangs runs into its deadline, and the next one is answered.
        await scene.pass(scene.credentials.timings.ttl)
        await goneOver(scene)
      })
    })

    test('the store answers an older version after a newer', async () => {
      await underLoad({}, async (scene, load) => {
        using messages = recordMessages()
        await scene.rotate()
        await goneOver(scene)
        scene.store.lag = 1
        await scene.credentials.refresh()
        await load.goOn()
        expect(messages.of('rekey:stale-answer')).toMatchObject([{ version: '1', serving: '2' }])
        expect(new Set((await scene.place.sessions()).map(({ user }) => user))).toEqual(
          new Set([scene.account.user]),
        )
        scene.store.lag = 0
        await scene.rotate()
        await goneOver(scene)
      })
    })

    const faultyLogins = {
      'are cut': 'cutLogins',
      'are half open': 'halfOpenLogins',
      'meet silence': 'silentLogins',
    } as const
    for (const [name, fault] of Object.entries(faultyLogins)) {
      test(`logins ${name}`, async () => {
        await underLoad({}, async (scene) => {
          scene.proxy[fault] = 3
          await scene.rotate()
          await drainedInTime(scene)
          expect(scene.proxy[fault]).toBe(0)
          await goneOver(scene)
        })
      })
    }

    test('the network stands still in the middle of statements', async () => {
      await underLoad({}, async (scene, load) => {
        scene.proxy.stall()
        await scene.rotate()
        await scene.clock.advance(scene.credentials.timings.loginDeadline)
        scene.proxy.resume()
        await load.goOn()
        await drainedInTime(scene)
        await goneOver(scene)
      })
    })

    test('the connections that nobody holds are half open', async () => {
      await using scene = await Scene.open(adapter)
      await scene.fill(4)
      scene.proxy.halfOpen()
      await scene.rotate()
      await drainedInTime(scene)
      expect(await scene.whoami()).toBe(scene.account.user)
      expect(scene.proxy.peak).toBe(4)
    })

    test('old connections close slowly at a full ceiling', async () => {
      await underLoad({ callers: 8 }, async (scene) => {
        scene.proxy.goodbyeDelay = 60
        for (let rotation = 0; rotation < 3; rotation += 1) {
          await scene.rotate()
          await goneOver(scene)
        }
        expect(scene.proxy.peak).toBe(4)
      })
    })

    test('the old account is dropped before its connections have drained', async () => {
      await underLoad({ rotation: { spread: 60_000 } }, async (scene, load) => {
        const { user, password } = scene.account
        await scene.rotate()
        await scene.untilOpen('2')
        await scene.place.revoke({ user, password })
        await load.goOn()
        expect(await scene.place.sessions(user)).not.toEqual([])
        await until('the rotation to be over', async () => {
          await scene.pass(5_000)
          return (await scene.place.sessions(user)).length === 0
        })
        await goneOver(scene)
      })
    })

    test('the wall clock is set back an hour', async () => {
      await underLoad({}, async (scene, load) => {
        const { loads } = scene.store
        scene.clock.setWall(scene.clock.wall() - 60 * 60_000)
        await load.goOn()
        await scene.clock.advance(2 * scene.credentials.timings.ttl)
        await load.goOn()
        // Refreshed at its time, neither in a storm nor never.
        expect(scene.store.loads - loads).toBeGreaterThanOrEqual(2)
        expect(scene.store.loads - loads).toBeLessThanOrEqual(4)
        await scene.rotate()
        await goneOver(scene)
      })
    })
  })
}

/** Lets time pass until the rotation is over. */
async function drainedInTime<Connection>(scene: Scene<Connection>): Promise<void> {
  let isDrained = false
  void scene.pool.drained().then(() => (isDrained = true))
  await until('the rotation to be over', async () => {
    await scene.clock.advance(100)
    return isDrained
  })
}
