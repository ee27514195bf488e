import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import type { Kind } from '../servers/kind.ts'
import type { Server, ServerAddress } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { goneOver, runUnderLoad } from './load.ts'

/** The fault that a server has to be started for: the other tests need theirs. */
export function standingStill<Connection>(
  adapter: Adapter<Connection>,
  kind: Kind,
  connectTo: (address: ServerAddress) => Promise<Server>,
): void {
  test('a server that stands still for 3 seconds in the middle of a rotation costs nothing but time', async () => {
    const { stop, ...address } = await startServer(kind)
    try {
      const connectServer = () => connectTo(address)
      await using server = await connectServer()
      // Of four connections two are idle when the server stops, one of them an old one.
      const options = { callers: 2, rotation: { spread: 60_000 } }
      await runUnderLoad({ ...adapter, connectServer }, options, async (scene, load) => {
        await scene.rotate()
        await scene.untilOpen('2')
        const dialled = scene.proxy.total
        {
          await using _ = await server.pause()
          // It is due in this time, the close deadline ends it, and its replacement is dialled.
          await scene.clock.advance(30_000)
          await until('a dial', () => scene.proxy.total > dialled)
          await sleep(3_000)
        }
        await load.goOn()
        await scene.pass(60_000)
        await goneOver(scene)
      })
    } finally {
      await stop()
    }
  })
}
