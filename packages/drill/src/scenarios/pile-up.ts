import type { Scenario } from './scenario.ts'

/** How many rotations come before the first one is over. */
const rotations = 3

export const pileUp: Scenario = {
  name: 'pile-up',
  sentence:
    'Three rotations come one upon the other, each before the pool has drained the one before.',
  passwordAlone: true,
  async rotate(act) {
    const relax = await act.pressure.saturate(act.rotation)
    const takenUp: Promise<boolean>[] = []
    for (let number = 1; number <= rotations; number += 1) {
      const next = act.next()
      await act.allow(next)
      await act.publish(next)
      takenUp.push(act.takeUp())
      if (number < rotations) await act.pressure.pause(act.pace.spread / rotations)
    }
    await Promise.all([...takenUp, relax()])
  },
}
