import type { RekeyError } from '../errors.ts'
import { failureOf, unread } from './http.ts'
import { loadSdk } from './sdk.ts'
import { storeError, type StoreFailure } from './store-error.ts'

/** What brings the tokens of Entra ID: a credential of `@azure/identity`, known by its shape. */
export interface EntraCredential {
  getToken(
    scopes: string | string[],
    options?: { abortSignal?: AbortSignal },
  ): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/** Environment, workload identity, managed identity and so on, in the order of `@azure/identity`. */
export async function defaultCredential(): Promise<EntraCredential> {
  const name = '@azure/identity'
  const { DefaultAzureCredential } = await loadSdk(name, () => import('@azure/identity'))
  return new DefaultAzureCredential()
}

/** The number under which Entra ID says that an assertion is too old, or not valid yet. */
const wrongClock = /\bAADSTS700024\b/

/** An error of Azure, or of its SDK, as one of ours. `place` is what a reader looks for. */
export function azureError(source: string, place: string, cause: unknown): RekeyError {
  const { statusCode, code, name } = cause as Error & { statusCode?: number; code?: string }
  if (code === 'PARSE_ERROR' || cause instanceof SyntaxError)
    return unread(source, place, statusCode)
  return storeError(source, { failure: azureFailure(cause), place, detail: code ?? name, cause })
}

/** What it says of the store: by its status, else by its name. */
function azureFailure(error: unknown): StoreFailure {
  const { statusCode, name, message } = error as Error & { statusCode?: number }
  if (wrongClock.test(message)) return 'a clock that is wrong'
  const isIdentity = name.endsWith('AuthenticationError') || name.startsWith('Credential')
  if (typeof statusCode === 'number' && !(isIdentity && statusCode < 429))
    return failureOf(statusCode)
  return isIdentity || name === 'AuthenticationRequiredError'
    ? 'forbidden'
    : 'an error of the store'
}
