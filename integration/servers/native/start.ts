import { join } from 'node:path'
import type { Member } from '../../../packages/drill/src/servers/redis-group/group.ts'
import { startMembers } from '../../../packages/drill/src/servers/redis-group/start-members.ts'
import {
  logName,
  type Life,
  type RedisKind,
  type ServerKind,
  type ServerRequest,
} from '../../../packages/drill/src/servers/server.ts'
import { startNative } from '../../../packages/drill/src/servers/start-native.ts'
import type { StartedNodes } from '../holder.ts'

/** Starts a server as the drill does its own. */
export async function startServer(
  kind: ServerKind,
  request: ServerRequest,
  life: Life,
): Promise<StartedNodes> {
  const node = await startNative(kind, request, life)
  return { nodes: [node], log: join(life.folder, logName) }
}

/** Starts the processes of a group as the drill does its own. */
export async function startGroup(
  kind: RedisKind,
  request: ServerRequest,
  members: readonly Member[],
  life: Life,
): Promise<StartedNodes> {
  const nodes = await startMembers(kind, request, members, life)
  return { nodes, log: join(life.folder, '0', logName) }
}
