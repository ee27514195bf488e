import type { Scenario } from './scenario.ts'

export const failover: Scenario = {
  name: 'failover',
  sentence:
    'The server is killed in the middle of a rotation, and is away until it has recovered or, under Sentinel or in a Cluster, until a replica is in its place.',
  remark:
    'Here zero is impossible: a request that is under way when the server goes is lost, and no pool can send it again without knowing ' +
    'whether it was done; one that comes while the server is away hears so at once, or waits for it, as with the stock pool. What ' +
    'rekey promises is that none of them hangs, that none fails that comes when the server is back, and that the rotation ends by itself.',
  ownServer: true,
  // Who waits for a connection then is lost before the server goes. In a Cluster nobody waits for one.
  recipe: { single: 'end-and-new', sentinel: 'end-and-new' },
  async rotate(act) {
    const relax = await act.pressure.crowd()
    const next = act.next()
    await act.allow(next)
    await act.publish(next)
    const takenUp = act.takeUp()
    await act.pressure.pause(act.pace.spread / 3)
    // They would come again and again to a server that is away.
    await relax()
    await act.failOver()
    await takenUp
  },
}
