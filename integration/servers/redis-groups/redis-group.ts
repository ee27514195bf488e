import { createRedisPlace } from '../redis-place.ts'
import type { DualPasswords, NodeAddress, Place } from '../server.ts'
import type { Fleet } from './fleet.ts'

/** What the tests ask of Redis in company. A group is a test file's own: what one does to it, others would feel. */
export interface RedisGroup extends AsyncDisposable {
  /** Those that hold data: at the start the primaries, then the replicas. */
  readonly nodes: readonly NodeAddress[]
  /** The accounts of its places are known to all nodes. */
  createPlace(): Place & DualPasswords
  /** Those that take writes at the moment. */
  primaries(): Promise<NodeAddress[]>
  /** An operator's change of roles, in order: resolves with the new primary when all nodes know it. */
  failover(): Promise<NodeAddress>
  /** Freezes one node until the pause is disposed of; the others soon make another one of a primary's replicas the primary. */
  pause(node: NodeAddress): Promise<AsyncDisposable>
  /** Ends one node as a crash would. */
  kill(node: NodeAddress): Promise<void>
}

/** What is the same in every group. */
export function groupOf(
  nodes: readonly NodeAddress[],
  fleet: Fleet,
): Omit<RedisGroup, 'primaries' | 'failover' | typeof Symbol.asyncDispose> {
  return {
    nodes,
    createPlace: () => createRedisPlace(fleet),
    pause: (node) => fleet.pause(node),
    kill: (node) => fleet.kill(node),
  }
}
