import type { ServerKind } from '../../packages/drill/src/servers/server.ts'

/** What can be started: a server alone, or Redis in company. */
export type Kind = ServerKind | 'redis-cluster' | 'redis-sentinel'
