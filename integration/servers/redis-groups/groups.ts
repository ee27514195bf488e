import { redisCluster } from '../../../packages/drill/src/servers/redis-group/form-cluster.ts'
import { redisSentinel } from '../../../packages/drill/src/servers/redis-group/form-sentinel.ts'
import type { Group } from '../../../packages/drill/src/servers/redis-group/group.ts'
import type { GroupKind } from '../kind.ts'

export const groups: Readonly<Record<GroupKind, Group>> = {
  'redis-cluster': redisCluster,
  'redis-sentinel': redisSentinel,
  'valkey-cluster': redisCluster,
  'valkey-sentinel': redisSentinel,
}
