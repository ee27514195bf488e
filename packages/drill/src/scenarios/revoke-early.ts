import type { Scenario } from './scenario.ts'

export const revokeEarly: Scenario = {
  name: 'revoke-early',
  sentence:
    'The operator does not wait: the old account is locked and its sessions are killed while the pool is replacing them.',
  remark:
    'Here zero is impossible: a request that is under way in a session when the server ends it is lost, and no pool can send it ' +
    'again without knowing whether it was done. What a pool can do is to lose no other, and to go on with the new credentials.',
  async rotate(act) {
    const relax = await act.pressure.saturate(act.rotation)
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.spread / 3)
    await act.cutOff(act.old)
    await Promise.all([takenUp, relax()])
  },
}
