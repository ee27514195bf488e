import type { Store } from '../store.ts'
import type { Scenario } from './scenario.ts'

/** A rotation that the pool hears of late: the store has a fault from before it until well into it. */
function rotateDuring(begin: (store: Store) => void): Scenario['rotate'] {
  return async (act) => {
    begin(act.store)
    const relax = await act.pressure.crowd()
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.trouble)
    act.store.answer()
    await takenUp
    await relax()
  }
}

export const storeDown: Scenario = {
  name: 'store-down',
  sentence: 'The store refuses all questions from before a rotation until well into it.',
  rotate: rotateDuring((store) => store.fail()),
}

export const storeHangs: Scenario = {
  name: 'store-hangs',
  sentence:
    'The store takes all questions and answers none, from before a rotation until well into it.',
  timings: { loadDeadline: 300 },
  rotate: rotateDuring((store) => store.hang()),
}
