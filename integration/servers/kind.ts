import type { RedisKind, ServerKind } from '../../packages/drill/src/servers/server.ts'

/** Redis or Valkey in company: several processes. */
export type GroupKind = `${RedisKind}-${'cluster' | 'sentinel'}`

/** What can be started. */
export type Kind = ServerKind | GroupKind

export function isGroup(kind: Kind): kind is GroupKind {
  return kind.includes('-')
}

/** What each process of a group is. */
export function serverOf(kind: GroupKind): RedisKind {
  return kind.startsWith('redis') ? 'redis' : 'valkey'
}
