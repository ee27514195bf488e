import type { Refusal } from '@rekey/core'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const refusals: Readonly<Record<string, Refusal>> = {
  // Wrong password, unknown role or an expired one: the server does not tell them apart.
  '28P01': 'refused',
  // The role may not log in (NOLOGIN), or no line of pg_hba.conf lets it in.
  '28000': 'refused',
}

/** A violation of the protocol, in PostgreSQL; PgBouncer says so of everything, also of a login that it refuses. */
const pooler = { code: '08P01', refuses: /^(?:\S+ authentication failed|no such user)/ }

/** What an error at login says of the credentials; `undefined` where it is not about them. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  if (error.code === pooler.code && 'message' in error) {
    return pooler.refuses.test(String(error.message)) ? 'refused' : undefined
  }
  return typeof error.code === 'string' ? refusals[error.code] : undefined
}
