import type { Scenario } from './scenario.ts'

export const storeDown: Scenario = {
  name: 'store-down',
  sentence: 'The store refuses all questions from before a rotation until well into it.',
  async rotate(act) {
    act.store.fail()
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
