// Name by name: with `export *` the library's whole module would stand in the place of ours under `require`.
export { Pool } from 'generic-pool'
export type * from 'generic-pool'
export { createPool, rotatingFactory } from './rotating-factory.ts'
export type { RotatingFactory } from './rotating-factory.ts'
export type { CredentialsFactory } from './factory.ts'
export type { PoolOptions, RotatingPool } from './pool.ts'
export { createRedisPool } from './redis-pool.ts'
