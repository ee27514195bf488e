import type { Scenario } from './scenario.ts'

export const longTransactions: Scenario = {
  name: 'long-transactions',
  sentence:
    'Every connection is in a transaction when the rotation begins, and callers wait; the first ends soon, the last after all others are replaced.',
  missingInCluster: 'a transaction is sent as a whole there, and holds no connection',
  traffic: 'requests',
  async rotate(act) {
    const ended = await act.pressure.holdAll()
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    await Promise.all([act.takeUp(), ended()])
  },
}
