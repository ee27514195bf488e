import { limits } from '../pace.ts'
import type { Scenario } from './scenario.ts'

export const leak: Scenario = {
  name: 'leak',
  sentence:
    'The old credentials leaked: the pool has minutes for a rotation, is told to hurry, and may take seconds.',
  // At its own pace it would not be drained in time.
  timings: { overlap: 20 * limits.drainLimit, spread: 4 * limits.drainLimit },
  async rotate(act) {
    const relax = await act.pressure.saturate(act.rotation)
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    await Promise.all([act.takeUp({ urgent: true }), relax()])
  },
}
