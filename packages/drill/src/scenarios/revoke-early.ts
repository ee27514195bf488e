import type { Scenario } from './scenario.ts'

export const revokeEarly: Scenario = {
  name: 'revoke-early',
  sentence:
    'The operator does not wait: the old account is locked and its sessions are killed while the pool is replacing them.',
  async rotate(act) {
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.spread / 3)
    await act.cutOff(act.old)
    await takenUp
  },
}
