import type { NodeAddress, ServerAddress } from '../server.ts'
import { connectAdmins, disconnect } from './admins.ts'
import { everywhere } from './everywhere.ts'
import { Fleet } from './fleet.ts'
import { dataNodes, sentinelName } from './form-sentinel.ts'
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

  /** By the word of the sentinel that heard last of a change. */
  async function primary(): Promise<NodeAddress> {
    const words = watchers.map(async ({ redis }) => {
      const flat = (await redis.call('SENTINEL', 'MASTER', sentinelName)) as string[]
      // What clients are told: the promoted one as soon as it is that, while MASTER names the one before to the end.
      const question = ['GET-MASTER-ADDR-BY-NAME', sentinelName]
      const [, port] = (await redis.call('SENTINEL', ...question)) as [string, string]
      return { port: Number(port), epoch: Number(flat[flat.indexOf('config-epoch') + 1]) }
    })
    const [latest] = (await Promise.all(words)).toSorted((one, other) => other.epoch - one.epoch)
    return fleet.at(latest!.port).node
  }

  return {
    ...groupOf(nodes, fleet),
    sentinels,
    name: sentinelName,
    primaries: async () => [await primary()],
    async failover() {
      const before = await primary()
      await watchers[0]!.redis.call('SENTINEL', 'FAILOVER', sentinelName)
      await everywhere('the sentinels to agree', watchers, async ({ redis }) => {
        const said = await redis.info('sentinel')
        return said.includes('status=ok') && !said.includes(`:${before.port},`)
      })
      const after = await primary()
      await everywhere('the others to follow', fleet.awake, async ({ node, redis }) => {
        const said = await redis.info('replication')
        return node === after
          ? said.includes('role:master')
          : said.includes(`master_port:${after.port}`) && said.includes('master_link_status:up')
      })
      return after
    },
    async [Symbol.asyncDispose]() {
      disconnect(watchers)
      fleet[Symbol.dispose]()
    },
  }
}
