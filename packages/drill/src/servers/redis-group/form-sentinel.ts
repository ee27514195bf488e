import { freePorts } from '../free-ports.ts'
import { withAdmins, type Admin } from './admins.ts'
import { everywhere } from './everywhere.ts'
import type { Group, Member } from './group.ts'

/** The name under which the sentinels know the primary. */
export const sentinelName = 'rekey'

const replicas = 2
const sentinels = 3

/** How many of the nodes hold data; the others watch them. */
export const dataNodes: number = 1 + replicas

/** A primary, two replicas and three sentinels, in this order. */
export const redisSentinel: Group = {
  async plan({ password, settings }) {
    const ports = await freePorts(dataNodes + sentinels)
    return ports.map((port, index): Member => {
      const sentinel = index >= dataNodes
      const own: Record<string, string> = sentinel
        ? { 'protected-mode': 'no' }
        : { requirepass: password, masterauth: password, ...settings }
      return { sentinel, settings: { port: String(port), ...own } }
    })
  },

  form(nodes, { password }) {
    const [data, watchers] = [nodes.slice(0, dataNodes), nodes.slice(dataNodes)]
    return withAdmins(data, password, (holders) =>
      withAdmins(watchers, '', (watching) => watch(holders, watching, password)),
    )
  },
}

async function watch(
  [primary, ...others]: readonly Admin[],
  watchers: readonly Admin[],
  password: string,
): Promise<void> {
  const { host, port } = primary!.node
  for (const { redis } of others) await redis.replicaof(host, port)
  // Whom a sentinel does not find there when it first looks, it finds much later.
  await everywhere('the replicas to be there', [primary!], async ({ redis }) =>
    (await redis.info('replication')).includes(`connected_slaves:${replicas}`),
  )
  const quorum = Math.ceil(sentinels / 2)
  const settings = [
    'auth-pass',
    password,
    // Longer than a busy machine stands still: who makes one stop says so.
    'down-after-milliseconds',
    10_000,
    'failover-timeout',
    2_000,
  ]
  for (const { redis } of watchers) {
    // How often they talk to one another and look at the others: by default every 2 and 10 seconds.
    await redis.call('SENTINEL', 'DEBUG', 'publish-period', 200, 'info-period', 1_000)
    await redis.call('SENTINEL', 'MONITOR', sentinelName, host, port, quorum)
    await redis.call('SENTINEL', 'SET', sentinelName, ...settings)
  }
  await everywhere('a sentinel to know them all', watchers, async ({ redis }) => {
    const said = await redis.info('sentinel')
    return said.includes('status=ok') && said.includes(`slaves=${replicas},sentinels=${sentinels}`)
  })
  // One that has not heard of a new primary after four periods makes it a replica again: that takes a busy machine a while.
  for (const { redis } of watchers) await redis.call('SENTINEL', 'DEBUG', 'publish-period', 1_000)
}
