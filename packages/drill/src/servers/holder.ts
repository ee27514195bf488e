// The process that holds a drill's own server.

import { hold } from './hold.ts'
import { redisCluster } from './redis-group/form-cluster.ts'
import { redisSentinel } from './redis-group/form-sentinel.ts'
import type { Group } from './redis-group/group.ts'
import { startMembers } from './redis-group/start-members.ts'
import type { Address, Life, RedisKind, ServerKind, ServerRequest, Topology } from './server.ts'
import { startNative } from './start-native.ts'

/** What is asked for, once. */
export interface HolderRequest extends ServerRequest {
  readonly kind: ServerKind
  readonly topology: Topology
}

const groups: Readonly<Record<Exclude<Topology, 'single'>, Group>> = {
  sentinel: redisSentinel,
  cluster: redisCluster,
}

/** The first is the one to log in to. */
async function start(
  { kind, topology, ...request }: HolderRequest,
  life: Life,
): Promise<readonly Address[]> {
  if (topology === 'single') return [await startNative(kind, request, life)]
  const group = groups[topology]
  const members = await group.plan(request)
  const nodes = await startMembers(kind as RedisKind, request, members, life)
  await group.form(nodes, request)
  return nodes
}

hold('rekey-drill-', start)
