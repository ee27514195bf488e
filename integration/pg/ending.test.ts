import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { runChild } from './child.ts'
import { states, type EndingSetting } from './ending-setting.ts'
import { openStage } from './stage.ts'

for (const state of states) {
  test(`a process whose pool was ${state} when it ended is over by itself`, async () => {
    await using stage = await openStage()
    const { address, account, other } = stage
    const setting: EndingSetting = { state, address, accounts: [account, other] }
    expect(await runChild('ending-child.ts', [JSON.stringify(setting)])).toEqual({
      code: 0,
      said: [JSON.stringify({ alive: [] })],
      errors: '',
    })
    await until('its sockets to close', () => stage.proxy.open === 0)
  })
}
