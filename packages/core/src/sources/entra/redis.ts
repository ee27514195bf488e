import type { Source } from '../../source.ts'
import { entraTokens, type EntraOptions } from './tokens.ts'

/**
 * Tokens as of `fromEntraDatabase`, for Azure Cache for Redis and Azure Managed Redis. These close a connection when its token
 * ends: each token is a new version, and live connections authenticate again with it. Azure wants that 3 minutes before the end
 * (https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication), so of the 5
 * minutes there are 2. The user is the token's `oid`. Failures: as with `fromEntraDatabase`.
 *
 * @throws {RekeyError} As `fromEntraDatabase`.
 *
 * @example
 * const credentials = createCredentials(fromEntraRedis())
 * new Redis({ host, credentials, rotation: { reauthenticate: reauthenticate.azureEntra } })
 */
export function fromEntraRedis(options: EntraOptions = {}): Source {
  return entraTokens(options, {
    name: 'Entra ID, Redis',
    scope: 'https://redis.azure.com/.default',
    overlap: 120_000,
    ttl: 20_000,
    checkedAtLogin: false,
    userOf: ({ oid }) => oid,
  })
}
