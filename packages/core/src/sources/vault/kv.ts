import type { LoadContext, LoadedCredentials, Source } from '../../source.ts'
import { pathOf } from '../http.ts'
import { isPair, pairOf } from '../json.ts'
import { vaultClient, type VaultOptions } from './client.ts'

export interface VaultKvOptions extends VaultOptions {
  /** Where the engine is mounted. Default: `secret`. */
  mount?: string
}

/**
 * A secret of the KV engine, version 2, of Vault or OpenBao, with `username` (or `user`) and `password`. The version is
 * the engine's number, which only grows, also in a rollback; the one before it stands in where the newest is refused.
 *
 * Whoever writes the secret decides how long the old pair works, so `overlap` is yours to say; TTL, jitter and bridge follow from
 * it as core has them.
 *
 * | failure | |
 * |---|---|
 * | throttled (429, 503), sealed, unreachable | reported at once, tried again with backoff |
 * | forbidden | a token from `login` is replaced once; then reported at once, tried again with backoff |
 * | not found, deleted, destroyed | the same; the last good pair keeps serving |
 * | no JSON, no `username` or `password`, too long | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`. At load: `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromVaultKv('prod/database', { address: 'https://vault.internal:8200', token: () => readFile(path, 'utf8') })
 */
export function fromVaultKv(path: string, options: VaultKvOptions): Source {
  pathOf('path', path, 'the path of a secret')
  const mount = pathOf('mount', options.mount ?? 'secret', 'where the engine is mounted')
  const place = `${mount}/data/${path}`
  const name = `Vault ${place}`
  const client = vaultClient(name, options)
  let last: LoadedCredentials | undefined

  async function read(context: LoadContext, version?: number): Promise<LoadedCredentials> {
    const {
      data: { data, metadata },
    } = await client.ask(place, context, { version })
    const fields = (data ?? {}) as Record<string, unknown>
    const { version: number } = (metadata ?? {}) as { version?: unknown }
    return { ...pairOf(fields), version: typeof number === 'number' ? String(number) : undefined }
  }

  return {
    name,
    defaults: { loadDeadline: 5_000 },
    async load(context) {
      const pair = await read(context)
      const number = Number(pair.version)
      if (pair.version === last?.version || !(number > 1))
        return { ...pair, previous: last?.previous }
      const before = await read(context, number - 1).catch(() => undefined)
      return (last = { ...pair, previous: before && isPair(before) ? before : undefined })
    },
  }
}
