// The process that holds a drill's own server.

import { hold } from './hold.ts'
import { redisSentinel } from './redis-group/form-sentinel.ts'
import { startMembers } from './redis-group/start-members.ts'
import type { Address, Life, RedisKind, ServerKind, ServerRequest, Topology } from './server.ts'
import { startNative } from './start-native.ts'

/** What is asked for, once. */
export interface HolderRequest extends ServerRequest {
  readonly kind: ServerKind
  readonly topology: Topology
}

/** The first is the one to log in to. */
async function start(
  { kind, topology, ...request }: HolderRequest,
  life: Life,
): Promise<readonly Address[]> {
  if (topology === 'single') return [await startNative(kind, request, life)]
  const nodes = await startMembers(
    kind as RedisKind,
    request,
    await redisSentinel.plan(request),
    life,
  )
  await redisSentinel.form(nodes, request)
  return nodes
}

hold('rekey-drill-', start)
