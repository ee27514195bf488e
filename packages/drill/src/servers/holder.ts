// The process that holds a drill's own server.

import { hold } from './hold.ts'
import type { Group } from './redis-group/group.ts'
import { startMembers } from './redis-group/start-members.ts'
import type { Address, Life, RedisKind, ServerKind, ServerRequest, Topology } from './server.ts'
import { startNative } from './start-native.ts'

/** What is asked for, once. */
export interface HolderRequest extends ServerRequest {
  readonly kind: ServerKind
  readonly topology: Topology
}

/** They are formed through a client, which a server that is alone does without. */
const groups: Readonly<Record<Exclude<Topology, 'single'>, () => Promise<Group>>> = {
  sentinel: async () => (await import('./redis-group/form-sentinel.ts')).redisSentinel,
  cluster: async () => (await import('./redis-group/form-cluster.ts')).redisCluster,
}

/** The first is the one to log in to. */
async function start(
  { kind, topology, ...request }: HolderRequest,
  life: Life,
): Promise<readonly Address[]> {
  if (topology === 'single') return [await startNative(kind, request, life)]
  const group = await groups[topology]()
  const members = await group.plan(request)
  const nodes = await startMembers(kind as RedisKind, request, members, life)
  await group.form(nodes, request)
  return nodes
}

hold('rekey-drill-', start)
