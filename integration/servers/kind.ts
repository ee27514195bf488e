import type { ServerKind } from '../../packages/drill/src/servers/server.ts'

/** Redis in company: several processes. */
export type GroupKind = 'redis-cluster' | 'redis-sentinel'

/** What can be started. */
export type Kind = ServerKind | GroupKind

export function isGroup(kind: Kind): kind is GroupKind {
  return kind === 'redis-cluster' || kind === 'redis-sentinel'
}
