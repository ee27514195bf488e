export type { EntraCredential } from './azure.ts'
export { fromEntraDatabase } from './entra/database.ts'
export { fromEntraRedis } from './entra/redis.ts'
export type { EntraOptions } from './entra/tokens.ts'
