import { freePorts } from '../free-ports.ts'
import { withAdmins, type Admin } from './admins.ts'
import { everywhere } from './everywhere.ts'
import type { Group, Member } from './group.ts'

/** How many primaries there are, each with a replica. */
export const primaries = 3
const size = 2 * primaries

/** How many slots a cluster's keys fall into. */
const slotCount = 16_384

/** Three primaries, then a replica for each. */
export const redisCluster: Group = {
  async plan({ password, settings, certificates }) {
    const ports = await freePorts(3 * size)
    return Array.from({ length: size }, (_, index): Member => {
      const [port, busPort, tlsPort] = ports.slice(3 * index, 3 * index + 3).map(String)
      return {
        sentinel: false,
        settings: {
          port: port!,
          requirepass: password,
          masterauth: password,
          'cluster-enabled': 'yes',
          'cluster-announce-ip': '127.0.0.1',
          // Its default is the port and 10,000, which may be another process's.
          'cluster-port': busPort!,
          'cluster-node-timeout': '3000',
          ...(certificates && { 'tls-port': tlsPort! }),
          ...settings,
        },
      }
    })
  },

  form(nodes, { password }) {
    return withAdmins(nodes, password, formCluster)
  },
}

async function formCluster(admins: readonly Admin[]): Promise<void> {
  const ids = await Promise.all(admins.map(({ redis }) => redis.cluster('MYID')))
  await Promise.all(admins.slice(0, primaries).map(giveSlots))
  await meet(admins)
  await everywhere('the nodes to know one another', admins, async ({ redis }) => {
    const known = await knownBy(redis)
    return known.length === size && known.every((line) => !line.includes('handshake'))
  })
  const replicas = admins.slice(primaries)
  await Promise.all(replicas.map(({ redis }, index) => redis.cluster('REPLICATE', ids[index]!)))
  await everywhere('the cluster to be of one mind', admins, async ({ redis }) => {
    if (!(await redis.cluster('INFO')).includes('cluster_state:ok')) return false
    // A replica stands there only after its first answer to its primary.
    const slots = JSON.stringify(await redis.cluster('SLOTS'))
    return admins.every(({ node }) => slots.includes(String(node.port)))
  })
}

/** What a node says of each node that it knows and is connected to: what is published here is heard there. */
export async function knownBy(redis: Admin['redis']): Promise<string[]> {
  const lines = String(await redis.cluster('NODES')).split('\n')
  return lines.filter((line) => /\bconnected\b/.test(line))
}

async function giveSlots({ redis }: Admin, index: number): Promise<void> {
  const [from, end] = [index, index + 1].map((part) => Math.round((part * slotCount) / primaries))
  // Before they know one another, each must be of another age: which of two claims to a slot is the newer one?
  await redis.cluster('SET-CONFIG-EPOCH', index + 1)
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', from!, end! - 1)
}

/** Everybody with everybody: what one has to hear from another takes seconds. */
async function meet(admins: readonly Admin[]): Promise<void> {
  const addresses = admins.map(async ({ node, redis }) => {
    const [, busPort] = (await redis.config('GET', 'cluster-port')) as [string, string]
    return [node.host, node.port, busPort] as const
  })
  for (const [index, address] of (await Promise.all(addresses)).entries()) {
    for (const { redis } of admins.slice(0, index)) await redis.call('CLUSTER', 'MEET', ...address)
  }
}
