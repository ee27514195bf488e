import type { Scenario } from './scenario.ts'

export const saturated: Scenario = {
  name: 'saturated',
  sentence:
    'Three times as many callers as connections come back again and again, until the pool is drained.',
  async rotate(act) {
    const relax = await act.pressure.crowd()
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    await act.takeUp()
    await relax()
  },
}
