import { createCredentials, fromFunction, type CredentialsCache } from '@rekey/core'
import type { Account } from '../servers/server.ts'

/** Credentials that nobody rotates. */
export function steadyCredentials(account: Account): CredentialsCache {
  const source = fromFunction(() => ({ ...account, version: '1' }))
  return createCredentials(source, { overlap: 3_600_000 })
}
