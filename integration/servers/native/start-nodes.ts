import { join } from 'node:path'
import { logName, type Life, type ServerKind } from '../../../packages/drill/src/servers/server.ts'
import { startNative } from '../../../packages/drill/src/servers/start-native.ts'
import type { StartedNodes, StartRequest } from '../holder.ts'

/** Starts a server as the drill does its own. */
export async function startNodes(
  { kind, ...request }: StartRequest,
  life: Life,
): Promise<StartedNodes> {
  if (kind === 'redis-cluster' || kind === 'redis-sentinel') {
    throw new Error('There is no native way to start it yet.')
  }
  const node = await startNative(kind satisfies ServerKind, request, life)
  return { nodes: [node], log: join(life.folder, logName) }
}
