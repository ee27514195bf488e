import type { GroupKind } from '../kind.ts'
import { redisCluster } from './form-cluster.ts'
import { redisSentinel } from './form-sentinel.ts'
import type { Group } from './group.ts'

export const groups: Readonly<Record<GroupKind, Group>> = {
  'redis-cluster': redisCluster,
  'redis-sentinel': redisSentinel,
  'valkey-cluster': redisCluster,
  'valkey-sentinel': redisSentinel,
}
