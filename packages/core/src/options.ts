import { RekeyError } from './errors.ts'

/** A duration in milliseconds: a finite number, not negative. Throws `ERR_REKEY_OPTION`. */
export function duration(option: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw invalid(option, value, 'a number of milliseconds, 0 or more')
}

/** A duration in milliseconds above 0. Throws `ERR_REKEY_OPTION`. */
export function positiveDuration(option: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw invalid(option, value, 'a number of milliseconds above 0')
}

/** A whole number of `least` or more. Throws `ERR_REKEY_OPTION`. */
export function count(option: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw invalid(option, value, `a whole number, ${least} or more`)
}

/** A share from 0 to 1. Throws `ERR_REKEY_OPTION`. */
export function share(option: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw invalid(option, value, 'a share from 0 to 1')
}

/** One of some words. Throws `ERR_REKEY_OPTION`. */
export function oneOf<Word extends string>(
  option: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const word = words.find((candidate) => candidate === value)
  if (word !== undefined) return word
  throw invalid(option, value, words.map((candidate) => `'${candidate}'`).join(', '))
}

/** A string that is not empty. What else it is, is never shown: it may be a password in the wrong place. Throws `ERR_REKEY_OPTION`. */
export function text(option: string, value: unknown, allowed: string): string {
  if (typeof value === 'string' && value !== '') return value
  const given = kindOf(value)
  throw new RekeyError('ERR_REKEY_OPTION', `${option} is ${given}; it must be ${allowed}.`, {
    option,
    given,
    allowed,
  })
}

/** The error for an option whose value is not allowed. Not for secrets: it shows what was given. */
export function invalid(option: string, value: unknown, allowed: string): RekeyError {
  const given = show(value)
  return new RekeyError('ERR_REKEY_OPTION', `${option} is ${given}; it must be ${allowed}.`, {
    option,
    given,
    allowed,
  })
}

/** Names the type of a value that may be a secret, and not its content. */
export function kindOf(value: unknown): string {
  if (value === '') return 'an empty string'
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

// What an object holds is not shown: it may be credentials in the wrong place.
function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** The error for an option that stands beside `credentials`. It never shows the option's value. */
export function conflict(option: string, remedy: string): RekeyError {
  return new RekeyError(
    'ERR_REKEY_CONFLICT',
    `${option} stands beside credentials and would override them; ${remedy}`,
    { option, given: 'a value (not shown)', allowed: `nothing beside credentials: ${remedy}` },
  )
}
