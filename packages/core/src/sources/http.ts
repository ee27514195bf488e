import { RekeyError } from '../errors.ts'
import { invalid, text } from '../options.ts'
import { largestAnswer, noObject, parseObject } from './json.ts'
import { storeError, type StoreFailure } from './store-error.ts'

/** The URL of a store, without slashes at its end. @throws {RekeyError} `ERR_REKEY_OPTION`, without a word of it. */
export function urlOf(option: string, value: unknown, what: string): string {
  const allowed = `${what}: http or https, and no user or password`
  const given = text(option, value, allowed)
  const { protocol = '', username, password } = URL.parse(given) ?? {}
  if (/^https?:$/.test(protocol) && !username && !password) return given.replace(/\/+$/, '')
  const details = { option, given: 'no such URL', allowed }
  throw new RekeyError('ERR_REKEY_OPTION', `${option} must be ${allowed}.`, details)
}

/**
 * A name or a path that becomes part of a URL. @throws {RekeyError} `ERR_REKEY_OPTION` for one that no URL can hold: `.` and
 * `..` between slashes lead elsewhere, encoded or not.
 */
export function pathOf(option: string, value: unknown, what: string): string {
  const path = text(option, value, what)
  const leadsElsewhere = path.split('/').some((part) => part === '.' || part === '..')
  if (!leadsElsewhere && path.isWellFormed()) return path
  throw invalid(option, path, `${what}, with no . or .. between its slashes`)
}

/** Such a path as a URL has it: its slashes stay, and all else is what it says. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** One question to a store that speaks JSON over HTTP. */
export interface HttpQuestion {
  /** The source's name, and what a reader looks for: a path, an id. */
  source: string
  place: string
  url: string
  signal: AbortSignal
  method?: 'GET' | 'POST' | 'PUT'
  headers?: Headers | Record<string, string> | undefined
  body?: object | undefined
}

/**
 * Asks, and answers the JSON object. What is longer than a secret can be is not read to its end.
 *
 * @throws {RekeyError} `ERR_REKEY_LOAD` for a status that is not 2xx or a store that cannot be reached, `ERR_REKEY_ANSWER`
 * for what is no JSON object. Neither holds a word of the answer, which may be a secret in the wrong place.
 */
export async function askHttp(question: HttpQuestion): Promise<Record<string, unknown>> {
  const { source, place, url, signal, method = 'GET', body } = question
  const headers = headersOf(question)
  const init = { method, signal, headers, ...(body && { body: JSON.stringify(body) }) }
  const fail = (cause: unknown): never => {
    throw storeError(source, { failure: 'an error of the store', place, cause })
  }
  const response = await fetch(url, init).catch(fail)
  if (!response.ok) {
    await response.body?.cancel()
    const { status } = response
    throw storeError(source, { failure: failureOf(status), place, detail: `HTTP ${status}` })
  }
  const content = await readBounded(response).catch(fail)
  return parseObject(content, place, `The answer of ${source}`)
}

function headersOf({ source, place, headers }: HttpQuestion): Headers {
  try {
    const all = new Headers(headers)
    if (!all.has('accept')) all.set('accept', 'application/json')
    return all
  } catch {
    // Without a cause: its message quotes the header, and that is a token.
    const detail = 'a token, or a namespace, that no header can hold: one line of ASCII'
    throw storeError(source, { failure: 'unusable settings', place, detail })
  }
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
  let content = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    content += decoder.decode(chunk as Uint8Array, { stream: true })
    if (content.length > largestAnswer) break
  }
  return content
}

/** What a status says of the store. */
export function failureOf(status: number): StoreFailure {
  if (status === 429 || status === 503) return 'throttled'
  if (status === 401 || status === 403) return 'forbidden'
  if (status === 404 || status === 410) return 'not found'
  return status === 400 ? 'unusable settings' : 'an error of the store'
}
