import { expect, test } from 'vitest'
import { runChild } from '../children/run-child.ts'
import { until } from '../until.ts'
import { states, type EndingSetting } from './ending-setting.ts'
import { openStage } from './stage.ts'

for (const state of states) {
  test(`a process whose pool was ${state} when it ended is over by itself`, async () => {
    await using stage = await openStage()
    const { address, account, other } = stage
    const setting: EndingSetting = { state, address, accounts: [account, other] }
    const ending = await runChild({
      driver: 'pg',
      program: new URL('ending-child.ts', import.meta.url),
      args: [JSON.stringify(setting)],
    })
    expect(ending).toEqual({ code: 0, said: [JSON.stringify({ alive: [] })], errors: '' })
    await until('its sockets to close', () => stage.proxy.open === 0)
  })
}
