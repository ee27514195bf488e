import type { Address } from '../server.ts'
import type { Admin } from './admins.ts'
import { everywhere } from './everywhere.ts'
import { sentinelName } from './form-sentinel.ts'

/** The port of the primary, by the word of the sentinel that heard last of a change. */
export async function primaryBy(sentinels: readonly Admin[]): Promise<number> {
  const words = sentinels.map(async ({ redis }) => {
    const flat = (await redis.call('SENTINEL', 'MASTER', sentinelName)) as string[]
    // What clients are told: the promoted one as soon as it is that, while MASTER names the one before to the end.
    const question = ['GET-MASTER-ADDR-BY-NAME', sentinelName]
    const [, port] = (await redis.call('SENTINEL', ...question)) as [string, string]
    return { port: Number(port), epoch: Number(flat[flat.indexOf('config-epoch') + 1]) }
  })
  const [latest] = (await Promise.all(words)).toSorted((one, other) => other.epoch - one.epoch)
  return latest!.port
}

/** An operator's change of roles: resolves with the new primary when all know it. `nodes` are those that hold data and live. */
export async function failOver<Node extends Address>(
  sentinels: readonly Admin[],
  nodes: readonly Admin<Node>[],
): Promise<Node> {
  const before = await primaryBy(sentinels)
  await moveOn(sentinels, before)
  return settle(sentinels, nodes)
}

/** Has the sentinels make another one the primary. */
export async function moveOn(sentinels: readonly Admin[], before: number): Promise<void> {
  await everywhere('the first sentinel to move on', sentinels.slice(0, 1), (first) =>
    hasMovedOn(first, before),
  )
  await everywhere('the sentinels to agree', sentinels, async ({ redis }) => {
    const said = await redis.info('sentinel')
    return said.includes('status=ok') && !said.includes(`:${before},`)
  })
}

/** Waits until all know the new primary, and resolves with it. */
export async function settle<Node extends Address>(
  sentinels: readonly Admin[],
  nodes: readonly Admin<Node>[],
): Promise<Node> {
  const after = await primaryBy(sentinels)
  await everywhere('the others to follow', nodes, async ({ node, redis }) => {
    const said = await redis.info('replication')
    return node.port === after
      ? said.includes('role:master')
      : said.includes(`master_port:${after}`) && said.includes('master_link_status:up')
  })
  // One that still has a replica down as the primary that it was would undo its next promotion at once.
  await everywhere('the sentinels to have seen it', sentinels, async ({ redis }) => {
    const known = (await redis.call('SENTINEL', 'REPLICAS', sentinelName)) as string[][]
    return known.every((flat) => flat[flat.indexOf('role-reported') + 1] === 'slave')
  })
  return nodes.find(({ node }) => node.port === after)!.node
}

/** Whether a sentinel has made another one the primary; asks it to where it is not at it. */
async function hasMovedOn({ redis }: Admin, before: number): Promise<boolean> {
  const flat = (await redis.call('SENTINEL', 'MASTER', sentinelName)) as string[]
  const about = (name: string): string => flat[flat.indexOf(name) + 1]!
  if (about('port') !== String(before)) return true
  // It gives up where a node is slow to follow, and does not begin where it has not heard of the replicas for a while.
  if (!about('flags').includes('failover_in_progress')) {
    await redis.call('SENTINEL', 'FAILOVER', sentinelName).catch((error: Error) => {
      if (!/^(NOGOODSLAVE|INPROG)/.test(error.message)) throw error
    })
  }
  return false
}
