import { systemClock } from '../../clock.ts'
import type { Source } from '../../source.ts'
import { pathOf } from '../http.ts'
import { pairOf } from '../json.ts'
import { vaultClient, type VaultOptions } from './client.ts'

export interface VaultRoleOptions extends VaultOptions {
  /** Where the database engine is mounted. Default: `database`. */
  mount?: string
}

/**
 * A static role of the database engine: one account whose password Vault changes every `rotation_period`. The old
 * password stops at that moment, so the overlap is 0 and a refused login is bridged. Vault says how long the pair still
 * has; it is asked again just after that, each process at a moment of its own, and until then as seldom as the TTL says.
 *
 * The version is `last_vault_rotation`, not the end of `ttl`: while Vault is rotating, `ttl` stands at 0 or has begun anew
 * (https://developer.hashicorp.com/vault/api-docs/secret/databases#get-static-credentials). A rotation is one statement
 * in the database; 15 s of bridge are far more than that and one load. After `ttl` a fleet asks over a tenth of 5 minutes (the
 * jitter), and who is refused before its turn at once. Failures: as with `fromVaultKv`.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`. At load: `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromVaultStaticRole('app', { address: 'https://vault.internal:8200', token })
 */
export function fromVaultStaticRole(role: string, options: VaultRoleOptions): Source {
  pathOf('role', role, 'the name of a static role')
  const mount = pathOf('mount', options.mount ?? 'database', 'where the engine is mounted')
  const place = `${mount}/static-creds/${role}`
  const name = `Vault ${place}`
  const client = vaultClient(name, options)
  return {
    name,
    defaults: {
      overlap: 0,
      ttl: 300_000,
      jitter: 0.1,
      loadDeadline: 5_000,
      loginDeadline: 15_000,
    },
    async load(context) {
      const askedAt = (context.clock ?? systemClock).wall()
      const { data } = await client.ask(place, context)
      const { last_vault_rotation: rotatedAt, ttl } = data
      const left = Number(ttl)
      return {
        ...pairOf(data),
        version: rotatedAt as string | undefined,
        issuedAt: typeof rotatedAt === 'string' ? new Date(rotatedAt) : undefined,
        changesAt: Number.isFinite(left) ? askedAt + left * 1_000 : undefined,
      }
    },
  }
}
