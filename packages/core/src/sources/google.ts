import { RekeyError } from '../errors.ts'
import { askHttp, encodePath, failureOf } from './http.ts'
import { loadSdk } from './sdk.ts'
import { storeError, type StoreFailure } from './store-error.ts'

/** A `GoogleAuth`, or one of its clients, known by its shape. */
export interface GoogleAuthLike {
  getRequestHeaders(url: string): Promise<Headers | Record<string, string>>
}

/**
 * Asks an API of Google over HTTP, signed by `google-auth-library`. Not by the API's own client, which cannot take a question
 * back at the deadline, and which logs whole answers where `GOOGLE_SDK_NODE_LOGGING` is set.
 */
export function askGoogle(source: string, place: string, root: string, given?: GoogleAuthLike) {
  let auth = given
  return async (path: string, signal: AbortSignal): Promise<Record<string, unknown>> => {
    auth ??= await findAuth()
    const url = `${root}/${encodePath(place)}${path}`
    const signed = await auth.getRequestHeaders(url).catch((cause: unknown) => {
      const failure = signingFailure(cause)
      throw storeError(source, { failure, place, detail: 'no token', cause })
    })
    return askHttp({ source, place, url, signal, headers: signed })
  }
}

async function findAuth(): Promise<GoogleAuthLike> {
  const name = 'google-auth-library'
  const { GoogleAuth } = await loadSdk(name, () => import('google-auth-library'))
  return new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
}

/** Without a status or a system's error code nobody was asked: there are no credentials on this machine. */
function signingFailure(error: unknown): StoreFailure {
  const { status, code } = error as { status?: number; code?: unknown }
  if (typeof status === 'number' && status >= 429) return failureOf(status)
  const isSystem = status === undefined && typeof code === 'string' && code.startsWith('E')
  return isSystem ? 'an error of the store' : 'forbidden'
}

/** Which version of a secret an answer is about. @throws {RekeyError} `ERR_REKEY_ANSWER` where it does not say. */
export function numberOf({ name }: { name?: unknown }, secret: string): number {
  const [, number] = /\/versions\/(\d+)$/.exec(String(name)) ?? []
  if (number !== undefined) return Number(number)
  const allowed = 'a name that ends in /versions/<number>'
  const details = { option: secret, given: 'no number of a version', allowed }
  const message = `The answer about ${secret} does not say which version it is; it must have ${allowed}.`
  throw new RekeyError('ERR_REKEY_ANSWER', message, details)
}
