import { RekeyError } from '../errors.ts'
import { largestAnswer, noObject, parseObject } from './json.ts'
import { storeError, type StoreFailure } from './store-error.ts'

/** One question to a store that speaks JSON over HTTP. */
export interface HttpQuestion {
  /** The source's name, and what a reader looks for: a path, an id. */
  source: string
  place: string
  url: string
  signal: AbortSignal
  method?: 'GET' | 'POST' | 'PUT'
  headers?: Record<string, string> | undefined
  body?: object | undefined
}

/**
 * Asks, and answers the JSON object. What is longer than a secret can be is not read to its end.
 *
 * @throws {RekeyError} `ERR_REKEY_LOAD` for a status that is not 2xx or a store that cannot be reached, `ERR_REKEY_ANSWER`
 * for what is no JSON object. Neither holds a word of the answer, which may be a secret in the wrong place.
 */
export async function askHttp(question: HttpQuestion): Promise<Record<string, unknown>> {
  const { source, place, url, signal, method = 'GET', headers, body } = question
  const init = {
    method,
    signal,
    headers: { accept: 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  }
  const response = await fetch(url, init).catch((cause: unknown) => {
    throw storeError(source, { failure: 'an error of the store', place, cause })
  })
  if (!response.ok) {
    await response.body?.cancel()
    const { status } = response
    throw storeError(source, { failure: failureOf(status), place, detail: `HTTP ${status}` })
  }
  return parseObject(await readBounded(response), place, `The answer of ${source}`)
}

/** The error for an answer that a store's own client could not read. The client's error is left out: it quotes the answer. */
export function unread(source: string, place: string, status = 0): RekeyError {
  const isAnswer = status === 0 || (status >= 200 && status < 300)
  if (isAnswer) return noObject(place, `The answer of ${source}`, 'no JSON')
  return storeError(source, { failure: failureOf(status), place, detail: `HTTP ${status}` })
}

/** Whether the store said that what was asked for is not there, or may not be read. */
export function isRefusal(error: unknown, ...failures: StoreFailure[]): boolean {
  return error instanceof RekeyError && failures.some((failure) => failure === error.given)
}

async function readBounded(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > largestAnswer) break
  }
  return text
}

/** What a status says of the store. */
export function failureOf(status: number): StoreFailure {
  if (status === 429 || status === 503) return 'throttled'
  if (status === 401 || status === 403) return 'forbidden'
  if (status === 404 || status === 410) return 'not found'
  return status === 400 ? 'unusable settings' : 'an error of the store'
}
