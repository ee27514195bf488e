import { invalid, text } from '../options.ts'
import type { LoadContext, LoadedCredentials, Source } from '../source.ts'
import { azureError, defaultCredential, type EntraCredential } from './azure.ts'
import { urlOf } from './http.ts'
import { largestAnswer, pairOf, parseObject } from './json.ts'
import { loadSdk } from './sdk.ts'

export type { EntraCredential } from './azure.ts'

export interface AzureKeyVaultOptions {
  /** For example `https://shop.vault.azure.net`. */
  vault: string
  /** Whose password the secret is, where it is that and nothing else, as with the two access keys of a cache. */
  user?: string
  /** Default: a `DefaultAzureCredential`. */
  credential?: EntraCredential
  /** What the SDK's own client takes: `retryOptions`, `proxyOptions` … */
  client?: { [setting: string]: unknown }
}

// https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates. Another would be part of a URL.
const shape = /^[0-9a-zA-Z-]{1,127}$/
const allowed = 'the name of a secret: letters, digits and hyphens, 127 at most'

/**
 * The newest version of a secret in Azure Key Vault: a JSON object with `username` (or `user`) and `password`, or with `user`
 * as an option the password itself. The version is its id, which has no order; the time at which it was made has one, so
 * that a replica which lags does no harm.
 *
 * Azure's rotation of two sets of credentials makes the one anew that is not in use, and publishes it
 * (https://learn.microsoft.com/azure/key-vault/secrets/tutorial-rotation-dual): the one before works until the next rotation.
 * So `overlap` is the time between two of them, and yours to say; TTL, jitter and bridge follow
 * from it as core has them. A vault answers 4,000 questions in 10 seconds: where Event
 * Grid wakes more than a thousand processes, give `notifiedBy` a `spread`. Needs `@azure/keyvault-secrets` and
 * `@azure/identity`, and the right to get secrets.
 *
 * | failure | |
 * |---|---|
 * | throttled (429, 503) | tried again by the SDK within the load deadline, then with backoff |
 * | forbidden, disabled, no credentials of Azure | reported at once, tried again with backoff |
 * | not found, deleted | the same; the last good pair keeps serving |
 * | no JSON, no `username` or `password`, too long | the same |
 * | a clock that is wrong | the same, where a certificate or another identity's token is shown for one of Entra ID |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for what is missing, or no name of a secret. At load: `ERR_REKEY_SDK`,
 * `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromAzureKeyVault('database', { vault: 'https://shop.vault.azure.net' })
 */
export function fromAzureKeyVault(secret: string, options: AzureKeyVaultOptions): Source {
  if (!shape.test(text('secret', secret, allowed))) throw invalid('secret', secret, allowed)
  const { user, credential, client: settings } = options
  const vault = urlOf('vault', options.vault, 'the URL of a vault')
  if (user !== undefined) text('user', user, 'the name of an account, or nothing')
  const name = `Azure Key Vault ${secret}`
  let opened: ReturnType<typeof open> | undefined

  async function open() {
    const { SecretClient } = await loadSdk(
      '@azure/keyvault-secrets',
      () => import('@azure/keyvault-secrets'),
    )
    return new SecretClient(vault, credential ?? (await defaultCredential()), settings)
  }

  async function load({ signal }: LoadContext): Promise<LoadedCredentials> {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    const client = await opened
    const answer = await client
      .getSecret(secret, { abortSignal: signal })
      .catch((cause: unknown) => {
        throw azureError(name, secret, cause)
      })
    const { value = '', properties } = answer
    const isAlone = user !== undefined && value.length <= largestAnswer
    const pair = isAlone
      ? { user, password: value }
      : pairOf(parseObject(value, secret, `The secret ${secret}`))
    return { ...pair, version: properties.version, issuedAt: properties.createdOn }
  }

  return { name, defaults: { loadDeadline: 10_000 }, load }
}
