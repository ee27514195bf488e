import type { Scenario } from './scenario.ts'

export const storeHangs: Scenario = {
  name: 'store-hangs',
  sentence:
    'The store takes all questions and answers none, from before a rotation until well into it.',
  timings: { loadDeadline: 300 },
  async rotate(act) {
    act.store.hang()
    const relax = await act.pressure.crowd()
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.trouble)
    act.store.answer()
    await takenUp
    await relax()
  },
}
