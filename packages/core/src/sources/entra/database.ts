import type { Source } from '../../source.ts'
import { entraTokens, type EntraOptions } from './tokens.ts'

/**
 * Tokens of Entra ID for Azure Database for PostgreSQL and for MySQL, which live for an hour or more. They are looked at when
 * somebody logs in and never again: a new one rotates nothing. The user is who the token says it is for (`upn`,
 * `preferred_username`, `unique_name`, or the managed identity's name); a service principal's token does not say, so give
 * `user`. The connection needs TLS, and MySQL's cleartext plugin. Needs `@azure/identity`.
 *
 * From 70 to 80 % of a token's life on, at a moment of each process's own, every poll asks for the next one. A credential
 * that keeps its tokens (MSAL) has it 5 minutes before the end of the last: that is the window. Asked each minute, with a jitter of
 * a tenth, it is found in time; a login that is refused asks at once, for 5 s.
 *
 * | failure | |
 * |---|---|
 * | throttled, unreachable | reported at once, tried again with backoff; the last token serves until it ends |
 * | no credentials of Azure, refused by Entra ID | the same |
 * | a clock that is wrong | the same, where a certificate or another identity's token is shown |
 * | a token that names no user, or is none | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for an option that is empty. At load: `ERR_REKEY_SDK`, `ERR_REKEY_LOAD`,
 * `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromEntraDatabase({ user: 'app' })
 */
export function fromEntraDatabase(options: EntraOptions = {}): Source {
  return entraTokens(options, {
    name: 'Entra ID, database',
    scope: 'https://ossrdbms-aad.database.windows.net/.default',
    overlap: 300_000,
    ttl: 60_000,
    checkedAtLogin: true,
    userOf: ({ upn, preferred_username: preferred, unique_name: unique, xms_mirid: identity }) =>
      upn ??
      preferred ??
      unique ??
      /\/userAssignedIdentities\/([^/]+)$/i.exec(String(identity))?.[1],
  })
}
