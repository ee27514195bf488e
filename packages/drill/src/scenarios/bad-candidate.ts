import type { Scenario } from './scenario.ts'

export const badCandidate: Scenario = {
  name: 'bad-candidate',
  sentence: 'The store hands out a wrong password, and some time later the right one.',
  async rotate(act) {
    const wrong = act.next()
    const right = act.next()
    await act.allow(right)
    await act.publish(wrong)
    const first = act.takeUp()
    await act.pressure.pause(act.pace.trouble)
    await act.publish(right)
    await Promise.all([first, act.takeUp()])
  },
}
