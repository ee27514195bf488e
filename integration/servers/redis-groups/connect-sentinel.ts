import { until } from '../../until.ts'
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
  const group = groupOf(nodes, fleet)

  /** From now on they take a node that does not answer for gone after a second. */
  async function watchClosely(): Promise<void> {
    const words = ['SET', sentinelName, 'down-after-milliseconds', 1_000]
    await Promise.all(watchers.map(({ redis }) => redis.call('SENTINEL', ...words)))
  }

  /** Whether the first sentinel has made another one the primary; asks it to where it is not at it. */
  async function hasMovedOn(before: NodeAddress): Promise<boolean> {
    const { redis } = watchers[0]!
    const flat = (await redis.call('SENTINEL', 'MASTER', sentinelName)) as string[]
    const about = (name: string): string => flat[flat.indexOf(name) + 1]!
    if (about('port') !== String(before.port)) return true
    // It gives up where a node is slow to follow, and does not begin where it has not heard of the replicas for a while.
    if (!about('flags').includes('failover_in_progress')) {
      await redis.call('SENTINEL', 'FAILOVER', sentinelName).catch((error: Error) => {
        if (!/^(NOGOODSLAVE|INPROG)/.test(error.message)) throw error
      })
    }
    return false
  }

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
    primaries: async () => [await primary()],
    async failover() {
      const before = await primary()
      await until('the first sentinel to move on', () => hasMovedOn(before))
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
      // One that still has a replica down as the primary that it was would undo its next promotion at once.
      await everywhere('the sentinels to have seen it', watchers, async ({ redis }) => {
        const known = (await redis.call('SENTINEL', 'REPLICAS', sentinelName)) as string[][]
        return known.every((flat) => flat[flat.indexOf('role-reported') + 1] === 'slave')
      })
      return after
    },
    async [Symbol.asyncDispose]() {
      disconnect(watchers)
      fleet[Symbol.dispose]()
    },
  }
}
