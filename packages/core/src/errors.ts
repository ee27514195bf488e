/**
 * The stable codes of {@link RekeyError}. A code never changes its meaning; the message may.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_REKEY_OPTION` | an option has a value that is not allowed |
 * | `ERR_REKEY_CONFLICT` | an option stands beside `credentials` and would override them |
 * | `ERR_REKEY_BUDGET` | the timings do not fit into the overlap window |
 * | `ERR_REKEY_ANSWER` | a source answered, but not with usable credentials |
 * | `ERR_REKEY_LOAD` | a source failed; its own error is the `cause` |
 * | `ERR_REKEY_LOAD_DEADLINE` | a source did not answer within the load deadline |
 * | `ERR_REKEY_SDK` | a source's client library is not installed |
 * | `ERR_REKEY_CLOSED` | the cache was closed |
 * | `ERR_REKEY_POOL_ENDED` | the pool was ended |
 * | `ERR_REKEY_DRIVER` | the driver is too old, or is not one that rekey adapts |
 */
export type RekeyErrorCode =
  | 'ERR_REKEY_OPTION'
  | 'ERR_REKEY_CONFLICT'
  | 'ERR_REKEY_BUDGET'
  | 'ERR_REKEY_ANSWER'
  | 'ERR_REKEY_LOAD'
  | 'ERR_REKEY_LOAD_DEADLINE'
  | 'ERR_REKEY_SDK'
  | 'ERR_REKEY_CLOSED'
  | 'ERR_REKEY_POOL_ENDED'
  | 'ERR_REKEY_DRIVER'

/** What a {@link RekeyError} tells beside its message. */
export interface RekeyErrorDetails {
  /** The option, or the field of a source's answer, that is wrong. */
  option?: string
  /** What was given. Never a secret: a secret is described, not shown. */
  given?: string
  /** What would be allowed. */
  allowed?: string
  cause?: unknown
}

/**
 * Every error that rekey itself raises. A driver's own errors pass through as the driver made them.
 *
 * @example
 * try { … } catch (error) {
 *   if (error instanceof RekeyError && error.code === 'ERR_REKEY_BUDGET') …
 * }
 */
export class RekeyError extends Error {
  override readonly name: string = 'RekeyError'
  readonly code: RekeyErrorCode
  readonly option: string | undefined
  readonly given: string | undefined
  readonly allowed: string | undefined

  constructor(code: RekeyErrorCode, message: string, details: RekeyErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.option = details.option
    this.given = details.given
    this.allowed = details.allowed
  }
}
