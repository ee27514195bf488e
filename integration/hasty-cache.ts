import { createCredentials, fromFunction, type CredentialsCache, type Load } from '@rekey/core'

/** A cache whose deadlines are short: 50 ms for a load, 50 ms for a login. */
export function hastyCache(load: Load): CredentialsCache {
  return createCredentials(fromFunction(load, { name: 'store' }), {
    overlap: 10_000,
    ttl: 5_000,
    loadDeadline: 50,
    loginDeadline: 50,
  })
}
