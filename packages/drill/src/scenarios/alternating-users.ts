import type { Scenario } from './scenario.ts'

export const alternatingUsers: Scenario = {
  name: 'alternating-users',
  sentence:
    'Two accounts take turns: the one that is not in use gets a new password, and the store hands it out.',
  async rotate(act) {
    const relax = await act.pressure.saturate(act.rotation)
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    await Promise.all([act.takeUp(), relax()])
  },
}
