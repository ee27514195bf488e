import { Redis } from 'ioredis'
import type { Address } from '../server.ts'

/** A connection of the operator's to one node, which comes back by itself. */
export interface Admin<Node extends Address = Address> {
  readonly node: Node
  readonly redis: Redis
}

/** Has somebody work with a connection to each node. */
export async function withAdmins<Result>(
  nodes: readonly Address[],
  password: string,
  work: (admins: readonly Admin[]) => Promise<Result>,
): Promise<Result> {
  const admins = connectAdmins(nodes, password)
  try {
    return await work(admins)
  } finally {
    disconnect(admins)
  }
}

/** `''` is for those that ask for no password, as sentinels do. */
export function connectAdmins<Node extends Address>(
  nodes: readonly Node[],
  password: string,
): Admin<Node>[] {
  return nodes.map((node) => {
    const { host, port } = node
    // Its answers have the same form whichever version of the client asks.
    const own = { host, port, ...(password && { password }), maxRetriesPerRequest: null }
    const redis = new Redis({ ...own, protocol: 2 })
    redis.on('error', () => {})
    return { node, redis }
  })
}

export function disconnect(admins: readonly Admin[]): void {
  for (const { redis } of admins) redis.disconnect()
}
