import { expect, test } from 'vitest'
import { runChild, type ChildEnding } from '../children/run-child.ts'
import { until } from '../until.ts'
import type { ProcessSetting, Program } from './process-child.ts'
import { threeWays } from './three-ways.ts'

threeWays((way, setting) => {
  function run(program: Program, onLine?: (line: string) => void): Promise<ChildEnding> {
    const { host, port } = setting.place
    const child: ProcessSetting = {
      ...{ way: way.name, program, address: { host, port }, account: setting.account },
    }
    return runChild({
      driver: 'mysql2',
      program: new URL('process-child.ts', import.meta.url),
      args: [JSON.stringify(child)],
      ...(onLine && { onLine }),
    })
  }

  test('a pool that nobody uses does not keep a process alive', async () => {
    expect(await run('unused')).toEqual({ code: 0, said: ['unused'], errors: '' })
  })

  test('what has ended, was abandoned or never came about does not keep a process alive', async () => {
    const { said, ...ending } = await run('over')
    expect(ending).toEqual({ code: 0, errors: '' })
    expect(said.toSorted()).toEqual([
      'ECONNREFUSED',
      'ECONNREFUSED',
      'abandoned pool',
      'closed',
      'connection',
      'pool',
    ])
  })

  test('an idle pool keeps a process alive until the server ends its connections', async () => {
    const { place, account } = setting
    const endSessions = async (): Promise<void> => {
      const sessions = await until('its session', async () => {
        const all = await place.sessions(account.user)
        return all.length === 1 && all
      })
      for (const session of sessions) await place.kill(session)
    }
    const ended = run('idle', (line) => line === 'idle' && void endSessions())
    expect(await ended).toEqual({ code: 0, said: ['idle', 'closed'], errors: '' })
  })
})
