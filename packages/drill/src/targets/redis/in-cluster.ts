import type { Admin } from '../../servers/redis-group/admins.ts'
import { everywhere } from '../../servers/redis-group/everywhere.ts'
import { knownBy, primaries } from '../../servers/redis-group/form-cluster.ts'
import type { ServerOfTarget } from '../own-server.ts'
import { ask } from './admin.ts'
import { atAllNodes } from './all-nodes.ts'
import type { Operator } from './operator.ts'
import { serverOf } from './server-of.ts'

/** Of the drill's own Cluster. */
export async function operateCluster(server: ServerOfTarget): Promise<Operator> {
  const { nodes } = server
  const { admins, operator } = atAllNodes(server, nodes)
  const { database, server: version } = serverOf(await ask(admins[0]!.redis.info('server')))
  return {
    ...{ ...operator, database, server: `${version} Cluster` },
    topology: 'cluster',
    connection: {},
    startupNodes: nodes.slice(0, primaries).map(({ host, port }) => ({ host, port })),
    async failOver() {
      // Of the first slots: those of the lists, which clients wait for. The two take turns.
      const pair = [0, primaries]
      const roles = await Promise.all(pair.map((place) => ask(admins[place]!.redis.role())))
      const [killed, next] = roles[0]?.[0] === 'master' ? pair : pair.toReversed()
      await server.kill(killed)
      // It is told what the others would agree upon, after as long as a busy machine stands still; they would do so for
      // followers of the same primary only once in two of these times.
      await ask(admins[next!]!.redis.cluster('FAILOVER', 'TAKEOVER'))
      await server.start(killed)
      await settle(admins, admins[killed!]!, admins[next!]!)
    },
  }
}

/** Waits until all know the new primary of the first slots and talk to one another, and the killed one follows it. */
async function settle(admins: readonly Admin[], killed: Admin, next: Admin): Promise<void> {
  const { port } = next.node
  await everywhere('the cluster to be of one mind again', admins, async ({ redis }) => {
    if (!(await redis.cluster('INFO')).includes('cluster_state:ok')) return false
    const [, , owner] = (await redis.cluster('SLOTS')).find(([from]) => from === 0) ?? []
    return owner?.[1] === port && (await knownBy(redis)).length === admins.length
  })
  await everywhere('the killed one to follow', [killed], async ({ redis }) => {
    const said = await redis.info('replication')
    return said.includes(`master_port:${port}`) && said.includes('master_link_status:up')
  })
}
