import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { goneOver, runUnderLoad } from '../contract/load.ts'
import { connectPostgres } from '../servers/postgres.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import { adapter } from './contract-adapter.ts'

test('a server that stands still for 3 seconds in the middle of a rotation costs nothing but time', async () => {
  // One of its own: the other tests need theirs.
  const { stop, ...address } = await startServer('postgres')
  try {
    const connectServer = () => connectPostgres(address)
    await using server = await connectServer()
    const rotation = { spread: 60_000 }
    await runUnderLoad({ ...adapter, connectServer }, { rotation }, async (scene, load) => {
      await scene.rotate()
      await scene.untilOpen('2')
      const paused = await server.pause()
      // The next old connection is due in this time, and its replacement is dialled.
      const dialled = scene.proxy.total
      await scene.clock.advance(30_000)
      await until('a dial', () => scene.proxy.total > dialled)
      await sleep(3_000)
      await paused[Symbol.asyncDispose]()
      await load.goOn()
      await scene.pass(60_000)
      await goneOver(scene)
    })
  } finally {
    await stop()
  }
})
