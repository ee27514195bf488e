import type { Scenario } from './scenario.ts'

export const storeAhead: Scenario = {
  name: 'store-ahead',
  sentence: 'The store hands out the new credentials before the database knows them.',
  async rotate(act) {
    const next = act.next()
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.trouble)
    await act.allow(next)
    await takenUp
  },
}
