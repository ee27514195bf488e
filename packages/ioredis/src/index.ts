// By name: a star would take along what `require` gives in the place of a module's exports, and hide ours.
export {
  AbstractConnector,
  Command,
  Pipeline,
  print,
  ReplyError,
  ScanStream,
  SentinelConnector,
  SentinelIterator,
} from 'ioredis'
export type * from 'ioredis'
export { Cluster } from './cluster.ts'
export type { ClusterOptions, RedisOptions, RotationOptions } from './options.ts'
export { reauthenticate } from './reauthenticate.ts'
export type { Reauthenticate } from './reauthenticate.ts'
export { Redis, Redis as default } from './redis.ts'
export { rotatingRedisOptions } from './rotating-options.ts'
