import {
  connectAdmins,
  disconnect,
} from '../../../packages/drill/src/servers/redis-group/admins.ts'
import {
  dataNodes,
  sentinelName,
} from '../../../packages/drill/src/servers/redis-group/form-sentinel.ts'
import { failOver, primaryBy } from '../../../packages/drill/src/servers/redis-group/sentinels.ts'
import type { NodeAddress, ServerAddress } from '../server.ts'
import { Fleet } from './fleet.ts'
import { groupOf, type RedisGroup } from './redis-group.ts'

export interface RedisUnderSentinel extends RedisGroup {
  /** They ask for no password. */
  readonly sentinels: readonly NodeAddress[]
  /** The name under which they know the primary. */
  readonly name: string
}

/** A primary with its replicas and sentinels that was started elsewhere. */
export function connectRedisUnderSentinel(address: ServerAddress): RedisUnderSentinel {
  const { password, others, ...first } = address
  const nodes = [first, ...others.slice(0, dataNodes - 1)] as const
  const sentinels = others.slice(dataNodes - 1)
  const fleet = new Fleet(nodes, password)
  const watchers = connectAdmins(sentinels, '')
  const group = groupOf(nodes, fleet)

  /** From now on they take a node that does not answer for gone after a second. */
  async function watchClosely(): Promise<void> {
    const words = ['SET', sentinelName, 'down-after-milliseconds', 1_000]
    await Promise.all(watchers.map(({ redis }) => redis.call('SENTINEL', ...words)))
  }

  return {
    ...group,
    sentinels,
    name: sentinelName,
    async pause(node) {
      await watchClosely()
      return group.pause(node)
    },
    async kill(node) {
      await watchClosely()
      await group.kill(node)
    },
    primaries: async () => [fleet.at(await primaryBy(watchers)).node],
    failover: () => failOver(watchers, fleet.awake),
    async [Symbol.asyncDispose]() {
      disconnect(watchers)
      fleet[Symbol.dispose]()
    },
  }
}
