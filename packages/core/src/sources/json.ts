import { RekeyError } from '../errors.ts'
import { kindOf } from '../options.ts'
import type { LoadedCredentials } from '../source.ts'

/** More than any store keeps in one secret; what is longer is a mistake, and is not looked into. */
export const largestAnswer = 1_000_000

/** A JSON object, or `ERR_REKEY_ANSWER` without a word of the text. `place` is what a reader looks for: a path, an id. */
export function parseObject(
  content: unknown,
  place: string,
  what: string,
): Record<string, unknown> {
  let answer: unknown
  try {
    if (typeof content === 'string' && content.length <= largestAnswer) answer = JSON.parse(content)
  } catch {
    // Without a cause: the parser's own message quotes the text, and the text holds the password.
  }
  if (typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>
  const isText = typeof content === 'string'
  const given = isText ? `${content.length} characters that are not a JSON object` : 'no text'
  throw noObject(place, what, given)
}

/** The error for an answer that cannot be read. Without a cause: whoever read it quotes it. */
export function noObject(place: string, what: string, given: string): RekeyError {
  return new RekeyError('ERR_REKEY_ANSWER', `${what} does not hold a JSON object.`, {
    option: place,
    given,
    allowed: `{ "user": …, "password": … }, at most ${largestAnswer} characters`,
  })
}

/** The error for what is longer than a pair can be. */
export function tooLong(place: string): RekeyError {
  const details = { option: place, given: 'too much', allowed: `${largestAnswer} characters` }
  return new RekeyError('ERR_REKEY_ANSWER', `${place} answered more than a pair can be.`, details)
}

/**
 * The pair in such an object, under the name `user` or `username`. What is of a wrong type is refused, with its name, where
 * every source's answer is checked.
 */
export function pairOf(answer: Record<string, unknown>): LoadedCredentials {
  const { user = answer['username'], password } = answer
  return { user, password } as LoadedCredentials
}

/** The same with `version` and `expiresAt` (an ISO date, or milliseconds since the epoch), for what is written for us alone. */
export function answerOf(answer: Record<string, unknown>): LoadedCredentials {
  const { version, expiresAt } = answer
  return {
    ...pairOf(answer),
    version: typeof version === 'number' ? String(version) : version,
    expiresAt: typeof expiresAt === 'string' ? new Date(expiresAt) : expiresAt,
  } as LoadedCredentials
}

/** A text that a store's answer must have beside a pair: a token, an id. @throws {RekeyError} `ERR_REKEY_ANSWER`. */
export function textOf(field: string, value: unknown, source: string): string {
  if (typeof value === 'string' && value !== '') return value
  const details = { option: field, given: kindOf(value), allowed: 'a non-empty string' }
  const message = `The source ${source} answered with ${details.given} as its ${field}; it must be ${details.allowed}.`
  throw new RekeyError('ERR_REKEY_ANSWER', message, details)
}

/** Whether a pair that is only a help can be used; what cannot is no reason to refuse the one that matters. */
export function isPair({ user, password }: LoadedCredentials): boolean {
  return [user, password].every((text) => typeof text === 'string' && text !== '')
}

/** Where a secret says that its database is. */
export interface DatabaseAddress {
  host: string | undefined
  port: number | undefined
  database: string | undefined
}

/** In the words of the secrets that RDS writes. */
export function addressOf({ host, port, dbname }: Record<string, unknown>): DatabaseAddress {
  return {
    host: typeof host === 'string' ? host : undefined,
    port: port === undefined ? undefined : Number(port),
    database: typeof dbname === 'string' ? dbname : undefined,
  }
}
