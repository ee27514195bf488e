import { connectAdmins, disconnect } from '../../servers/redis-group/admins.ts'
import { dataNodes, sentinelName } from '../../servers/redis-group/form-sentinel.ts'
import { moveOn, primaryBy, settle } from '../../servers/redis-group/sentinels.ts'
import type { ServerOfTarget } from '../own-server.ts'
import { ask } from './admin.ts'
import { atAllNodes } from './all-nodes.ts'
import type { Operator } from './operator.ts'
import { serverOf } from './server-of.ts'

/** Of the drill's own primary, replicas and sentinels. */
export async function operateUnderSentinel(server: ServerOfTarget): Promise<Operator> {
  const { nodes, onStop } = server
  const [data, watchers] = [nodes.slice(0, dataNodes), nodes.slice(dataNodes)]
  const { admins, operator } = atAllNodes(server, data)
  const sentinels = connectAdmins(watchers, '')
  onStop(() => disconnect(sentinels))
  const { database, server: version } = serverOf(await ask(admins[0]!.redis.info('server')))
  return {
    ...{ ...operator, database, server: `${version} under Sentinel` },
    topology: 'sentinel',
    connection: {
      sentinels: watchers.map(({ host, port }) => ({ host, port })),
      name: sentinelName,
    },
    async failOver() {
      const killed = await primaryBy(sentinels)
      const place = data.findIndex(({ port }) => port === killed)
      await server.kill(place)
      // They are told what they would find out by themselves, after as long as a busy machine stands still.
      await moveOn(sentinels, killed)
      await server.start(place)
      const { host } = data[place]!
      await admins[place]!.redis.replicaof(host, await primaryBy(sentinels))
      await settle(sentinels, admins)
    },
  }
}
