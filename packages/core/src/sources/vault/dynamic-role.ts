import { systemClock } from '../../clock.ts'
import { positiveDuration } from '../../options.ts'
import type { Secret } from '../../secret.ts'
import type { LoadContext, LoadedCredentials, Source } from '../../source.ts'
import { isRefusal, pathOf } from '../http.ts'
import { pairOf, textOf } from '../json.ts'
import { storeError } from '../store-error.ts'
import { vaultClient, type VaultAnswer } from './client.ts'
import type { VaultRoleOptions } from './static-role.ts'

export interface VaultDynamicOptions extends VaultRoleOptions {
  /** Milliseconds that a lease of the role lasts at least: its `default_ttl`. A shorter one fails the load. */
  lease: number
}

interface Lease {
  id: string
  pair: LoadedCredentials
  /** Milliseconds, as it was issued, and when it began and ends by the wall clock. */
  duration: number
  renewable: boolean
  since: number
  until: number
  /** The token that it was asked for with: where that ends, so does the lease. */
  key: Secret | undefined
}

/** The share of a lease after which it is renewed, or replaced where that is not possible. */
const renewShare = 2 / 3

/** Vault revokes when a lease is over, and its answer took a while to come: 10 s, less for leases below 5 minutes. */
const margin = (lease: number): number => Math.min(10_000, lease / 30)

/**
 * Accounts that the database engine makes on demand. One lease serves until two thirds of it have passed; then it is
 * renewed, and where `max_ttl` is near, or it is not renewable, replaced by a new account. The old one lives until its
 * lease ends, since revoking it would drop a role that is in use: so a third of a lease, less 10 s, is the overlap in
 * which its connections have to go over. A lease that somebody has revoked is replaced at the next question, and one that
 * was asked for with another token than today's too, since Vault ends it with that token: let tokens live longer than leases.
 *
 * TTL, jitter and bridge follow from that window as core has them: a lease that was revoked early is noticed within a quarter of
 * it, and a new account works at once. The version is the lease's id. Needs, beside the role, what Vault's default policy allows: `sys/leases/lookup` and
 * `sys/leases/renew`. Failures: as with `fromVaultKv`; a lease that is shorter than you said is reported at once.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`. At load: `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromVaultDynamicRole('app', { address: 'https://vault.internal:8200', login, lease: 60 * 60 * 1000 })
 */
export function fromVaultDynamicRole(role: string, options: VaultDynamicOptions): Source {
  pathOf('role', role, 'the name of a role')
  const { lease: shortest } = options
  const mount = pathOf('mount', options.mount ?? 'database', 'where the engine is mounted')
  positiveDuration('lease', shortest)
  const place = `${mount}/creds/${role}`
  const name = `Vault ${place}`
  const client = vaultClient(name, options)
  let lease: Lease | undefined

  async function issue(context: LoadContext): Promise<Lease> {
    const since = wallOf(context)
    const { data, lease_id, renewable, ...answer } = await client.ask(place, context)
    const id = textOf('lease_id', lease_id, name)
    const duration = lengthOf(answer)
    if (!(duration >= shortest)) {
      const detail = `a lease of ${duration} ms is shorter than lease (${shortest} ms)`
      throw storeError(name, { failure: 'unusable settings', place, detail })
    }
    const until = since + duration
    const isRenewable = renewable === true
    const { key } = client
    return { id, pair: pairOf(data), duration, renewable: isRenewable, since, until, key }
  }

  /** The lease as Vault still has it, longer if it is time and possible; `undefined` where a new one is due. */
  async function keep(held: Lease, context: LoadContext): Promise<Lease | undefined> {
    const since = wallOf(context)
    const isDue = since >= held.since + (held.until - held.since) * renewShare
    if (isDue && !held.renewable) return undefined
    const path = isDue ? 'sys/leases/renew' : 'sys/leases/lookup'
    const body = { lease_id: held.id, increment: Math.round(held.duration / 1_000) }
    const answer = await client.ask(path, context, { body }).catch((error: unknown) => {
      // So Vault says that there is no such lease (any more).
      if (isRefusal(error, 'unusable settings', 'not found')) return undefined
      if (isDue && isRefusal(error, 'forbidden')) return undefined
      throw error
    })
    if (client.key?.reveal() !== held.key?.reveal()) return undefined
    if (answer === undefined || !isDue) return answer && held
    const duration = lengthOf(answer)
    const isWorthIt = duration >= held.duration * renewShare
    return isWorthIt ? { ...held, since, until: since + duration } : undefined
  }

  return {
    name,
    defaults: { overlap: Math.round(shortest * (1 - renewShare) - margin(shortest)) },
    async load(context) {
      lease = (lease && (await keep(lease, context))) ?? (await issue(context))
      return { ...lease.pair, version: lease.id, expiresAt: lease.until }
    },
  }
}

function wallOf({ clock = systemClock }: LoadContext): number {
  return clock.wall()
}

function lengthOf({ lease_duration: seconds }: Pick<VaultAnswer, 'lease_duration'>): number {
  return Number(seconds) * 1_000
}
