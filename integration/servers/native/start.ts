import { join } from 'node:path'
import {
  logName,
  type Life,
  type ServerKind,
  type ServerRequest,
} from '../../../packages/drill/src/servers/server.ts'
import { startNative } from '../../../packages/drill/src/servers/start-native.ts'
import type { StartedNodes } from '../holder.ts'
import type { RedisKind } from '../kind.ts'
import type { Member } from '../redis-groups/group.ts'
import { startMember } from './redis-member.ts'

/** Starts a server as the drill does its own. */
export async function startServer(
  kind: ServerKind,
  request: ServerRequest,
  life: Life,
): Promise<StartedNodes> {
  const node = await startNative(kind, request, life)
  return { nodes: [node], log: join(life.folder, logName) }
}

/** Starts the processes of a group, each in a folder of its own. */
export async function startGroup(
  kind: RedisKind,
  request: ServerRequest,
  members: readonly Member[],
  life: Life,
): Promise<StartedNodes> {
  const folders = members.map((_, index) => join(life.folder, String(index)))
  const starts = members.map((member, index) =>
    startMember(kind, request, member, { ...life, folder: folders[index]! }),
  )
  // Where one does not start, the others are known by then, and so end.
  await Promise.allSettled(starts)
  return { nodes: await Promise.all(starts), log: join(folders[0]!, logName) }
}
