import type { Scenario } from './scenario.ts'

export const idle: Scenario = {
  name: 'idle',
  sentence: 'Nobody asks for anything: the pool has to replace its connections by itself.',
  traffic: 'none',
  // A pool that is ended without callers loses none; one that is told the new credentials keeps what is idle.
  recipe: 'mutate-options',
  async rotate(act) {
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    await act.takeUp()
  },
}
