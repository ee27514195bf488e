import type { Scenario } from './scenario.ts'

export const storeBehind: Scenario = {
  name: 'store-behind',
  sentence:
    'Every connection is lost in a quiet moment, and the store still hands out credentials that the database refuses.',
  traffic: 'requests',
  async rotate(act) {
    const next = act.next()
    await act.allow(next)
    await act.pressure.quiet()
    await act.refuse(act.old)
    await act.disconnect(act.old)
    act.load.resume()
    await act.pressure.pause(act.pace.trouble)
    await act.publish(next)
    await act.takeUp()
  },
}
