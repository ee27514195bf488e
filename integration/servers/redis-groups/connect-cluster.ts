import type { Admin } from '../../../packages/drill/src/servers/redis-group/admins.ts'
import { everywhere } from '../../../packages/drill/src/servers/redis-group/everywhere.ts'
import type { NodeAddress, ServerAddress } from '../server.ts'
import { Fleet } from './fleet.ts'
import { groupOf, type RedisGroup } from './redis-group.ts'

export interface RedisCluster extends RedisGroup {
  slotOf(key: string): Promise<number>
  ownerOf(slot: number): Promise<NodeAddress>
  /** Gives a slot and its keys to another primary. `halfway` the keys have moved, and clients are still sent to the old one. */
  moveSlot(slot: number, to: NodeAddress, halfway?: () => Promise<void>): Promise<void>
}

/** A cluster that was started elsewhere. */
export function connectRedisCluster({ password, others, ...first }: ServerAddress): RedisCluster {
  const nodes = [first, ...others] as const
  const fleet = new Fleet(nodes, password)
  let failovers = 0

  async function withRole(wanted: 'master' | 'slave'): Promise<Admin<NodeAddress>[]> {
    const found = fleet.awake.map(async (admin) =>
      (await roleOf(admin)) === wanted ? [admin] : [],
    )
    return (await Promise.all(found)).flat()
  }

  async function ownerOf(slot: number): Promise<Admin<NodeAddress>> {
    const ranges = await fleet.awake[0]!.redis.cluster('SLOTS')
    const [, , [, port] = []] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? []
    return fleet.at(Number(port))
  }

  return {
    ...groupOf(nodes, fleet),
    primaries: async () => (await withRole('master')).map(({ node }) => node),
    async failover() {
      const replicas = await withRole('slave')
      // Each time of another primary: the others vote for followers of the same one once in two node timeouts.
      const next = replicas[failovers % replicas.length]
      failovers += 1
      if (next === undefined) throw new Error('No replica is left.')
      await next.redis.cluster('FAILOVER')
      const id = await idOf(next)
      // Clients are told of no replica where a node has not heard yet that the primary before has become one.
      await everywhere('the others to follow', fleet.awake, async ({ redis }) => {
        const lines = String(await redis.cluster('NODES')).split('\n')
        const known = lines.map((line) => line.split(' '))
        return (
          known.some(([node, , flags]) => node === id && flags?.includes('master')) &&
          known.some(([, , flags, primary]) => primary === id && flags?.includes('slave'))
        )
      })
      return next.node
    },
    ownerOf: async (slot) => (await ownerOf(slot)).node,
    slotOf: (key) => fleet.awake[0]!.redis.cluster('KEYSLOT', key),
    async moveSlot(slot, { port }, halfway) {
      const [from, to] = [await ownerOf(slot), fleet.at(port)]
      const [fromId, toId] = [await idOf(from), await idOf(to)]
      await to.redis.cluster('SETSLOT', slot, 'IMPORTING', fromId)
      await from.redis.cluster('SETSLOT', slot, 'MIGRATING', toId)
      await moveKeys(slot, from, to, password)
      await halfway?.()
      // Who gets it first: one that has given it away and is asked meanwhile would send clients to nobody.
      const rest = (await withRole('master')).filter((admin) => admin !== from && admin !== to)
      for (const { redis } of [to, from, ...rest]) {
        await redis.cluster('SETSLOT', slot, 'NODE', toId)
      }
    },
    async [Symbol.asyncDispose]() {
      fleet[Symbol.dispose]()
    },
  }
}

async function roleOf({ redis }: Admin): Promise<string> {
  const [role] = (await redis.role()) as [string]
  return role
}

function idOf({ redis }: Admin): Promise<string> {
  return redis.cluster('MYID')
}

async function moveKeys(slot: number, from: Admin, to: Admin, password: string): Promise<void> {
  const { host, port } = to.node
  for (;;) {
    const keys = await from.redis.cluster('GETKEYSINSLOT', slot, 100)
    if (keys.length === 0) return
    const login = ['AUTH2', 'default', password]
    await from.redis.call('MIGRATE', host, port, '', 0, 5_000, ...login, 'KEYS', ...keys)
  }
}
