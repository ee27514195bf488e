import { expect, test } from 'vitest'
import { runChild } from '../children/run-child.ts'
import { openStage } from './stage.ts'
import type { UnhandledSetting } from './unhandled-child.ts'

test.each(['stock', 'plain', 'rotating'] as const)(
  'a blocking read that fails while nobody looks at it is the process’s matter: %s',
  async (way) => {
    await using stage = await openStage('redis')
    const { host, port, database } = stage.place
    const setting: UnhandledSetting = {
      ...{ way, address: { host, port }, account: stage.account, key: `${database}text` },
    }
    const ending = await runChild({
      driver: 'ioredis',
      program: new URL('unhandled-child.ts', import.meta.url),
      args: [JSON.stringify(setting)],
    })
    expect(ending).toMatchObject({ code: 0, said: [expect.stringContaining('WRONGTYPE')] })
  },
)
