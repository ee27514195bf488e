import { RekeyError } from './errors.ts'
import { isCredentialsCache } from './refreshing-cache.ts'

/** Refuses `credentials` that are not a cache. @throws {RekeyError} `ERR_REKEY_OPTION` */
export function checkCredentials(credentials: unknown): void {
  if (isCredentialsCache(credentials)) return
  // Only its type: it may be a password in the wrong place.
  const given = credentials === null ? 'null' : `of type ${typeof credentials}`
  const allowed = 'what createCredentials(source, options) returns'
  throw new RekeyError('ERR_REKEY_OPTION', `credentials is ${given}; it must be ${allowed}.`, {
    option: 'credentials',
    given,
    allowed,
  })
}
