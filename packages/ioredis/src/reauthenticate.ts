import { RekeyError, type Credentials } from '@rekey/core'

/**
 * When an open connection logs in again, in place, after a rotation:
 *
 * | value | for |
 * |---|---|
 * | `'on-user-change'` | a server that leaves open connections alone while their user exists: Redis and Valkey |
 * | `'always'` | a service that closes a connection when its credentials expire |
 * | `{ sessionLimit }` | a service that closes a connection some milliseconds after its login, whatever it does |
 */
export type Reauthenticate = 'on-user-change' | 'always' | { readonly sessionLimit: number }

/** What services enforce, by their name. */
export const reauthenticate: {
  readonly elastiCacheIam: Reauthenticate
  readonly memoryDbIam: Reauthenticate
  readonly azureEntra: Reauthenticate
} = {
  /** https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html: a connection is closed after 12 hours. */
  elastiCacheIam: { sessionLimit: 12 * 60 * 60_000 },
  /** https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html: after 12 hours. */
  memoryDbIam: { sessionLimit: 12 * 60 * 60_000 },
  /** https://learn.microsoft.com/azure/redis/entra-for-authentication: when its token expires. */
  azureEntra: 'always',
}

/** @throws {RekeyError} `ERR_REKEY_OPTION` */
export function checkReauthenticate(value: unknown): void {
  if (value === undefined || value === 'on-user-change' || value === 'always') return
  if (typeof value === 'object' && value !== null && 'sessionLimit' in value) {
    const { sessionLimit } = value
    if (typeof sessionLimit === 'number' && Number.isFinite(sessionLimit) && sessionLimit > 0)
      return
  }
  const given = typeof value === 'string' ? `'${value}'` : `of type ${typeof value}`
  const allowed = "'on-user-change', 'always' or { sessionLimit: milliseconds above 0 }"
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    `rotation.reauthenticate is ${given}; it must be ${allowed}.`,
    {
      option: 'rotation.reauthenticate',
      given,
      allowed,
    },
  )
}

/** Whether a connection has to log in again to go over to other credentials; if not, it simply belongs to them. */
export function mustLogIn(
  session: { readonly credentials: Credentials | undefined; readonly loggedInAt: number },
  next: Credentials,
  when: Reauthenticate = 'on-user-change',
  now: number,
): boolean {
  if (session.credentials?.user !== next.user || when === 'always') return true
  // Half of it leaves time for all that can go wrong.
  return typeof when === 'object' && now - session.loggedInAt >= when.sessionLimit / 2
}
