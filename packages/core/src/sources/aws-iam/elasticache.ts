import type { Source } from '../../source.ts'
import { cacheTokens, type AwsCacheIamOptions } from './cache-tokens.ts'

/**
 * Tokens of IAM for ElastiCache (Redis 7, Valkey), by `@smithy/signature-v4`. Each works for 15 minutes: that is the window. A
 * connection is cut 12 hours after its last AUTH, so here each token is a new version: live connections authenticate again
 * with it. Failures: as with `fromRdsIam`.
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 *
 * @throws {RekeyError} As `fromRdsIam`.
 *
 * @example
 * fromElastiCacheIam({ cache: 'sessions', user: 'app' })
 */
export function fromElastiCacheIam(options: AwsCacheIamOptions): Source {
  return cacheTokens('elasticache', options)
}
