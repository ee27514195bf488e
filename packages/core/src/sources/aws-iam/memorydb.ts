import type { Source } from '../../source.ts'
import { cacheTokens, type AwsCacheIamOptions } from './cache-tokens.ts'

/**
 * Tokens of IAM for MemoryDB: as `fromElastiCacheIam`, with the same 15 minutes as the window and the same 12 hours.
 * https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html
 *
 * @throws {RekeyError} As `fromRdsIam`.
 *
 * @example
 * fromMemoryDbIam({ cache: 'sessions', user: 'app' })
 */
export function fromMemoryDbIam(options: AwsCacheIamOptions): Source {
  return cacheTokens('memorydb', options)
}
