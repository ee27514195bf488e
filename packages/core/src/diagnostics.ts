import { channel } from 'node:diagnostics_channel'
import type { GenerationCounts } from './generations.ts'

/** `rekey:change`: the cache took up a new version. */
export interface ChangeMessage {
  source: string
  version: string
  previous: string | undefined
  urgent: boolean
}

/** `rekey:refresh-error`: a load failed; the last good credentials keep serving. */
export interface RefreshErrorMessage {
  source: string
  error: unknown
  /** Failures in a row, this one included. */
  failures: number
  /** Milliseconds until the next try. */
  retryIn: number
  /** The version that keeps serving, if there is one. */
  serving: string | undefined
}

/** `rekey:stale-answer`: the store answered with an older version than the one in use; it was ignored. */
export interface StaleAnswerMessage {
  source: string
  version: string
  serving: string
}

/** `rekey:candidate-refused`: the server refused a login with this version. */
export interface CandidateRefusedMessage {
  pool: string
  version: string
  error: unknown
  /** Refused logins with this version, this one included. Those that were under way together count as one. */
  refusals: number
  /** Milliseconds until this version is tried again; `Infinity` where trying again would do harm. */
  retryIn: number
}

/** `rekey:verified`: a login with this version succeeded for the first time. */
export interface VerifiedMessage {
  pool: string
  version: string
}

/** `rekey:drained`: the last connection of this version is closed; its credentials may be revoked. */
export interface DrainedMessage {
  pool: string
  version: string
  /** Milliseconds since the version was replaced in the cache. */
  after: number
}

/** `rekey:stalled`: the drain deadline passed and connections of older versions are still open. */
export interface StalledMessage {
  pool: string
  generations: GenerationCounts[]
  /** What the adapter can say of each connection that is held, for example its process id. */
  held: unknown[]
}

/** What each channel of `node:diagnostics_channel` carries. No message ever carries a secret. */
export interface Messages {
  'rekey:change': ChangeMessage
  'rekey:refresh-error': RefreshErrorMessage
  'rekey:stale-answer': StaleAnswerMessage
  'rekey:candidate-refused': CandidateRefusedMessage
  'rekey:verified': VerifiedMessage
  'rekey:drained': DrainedMessage
  'rekey:stalled': StalledMessage
}

/** Publishes on a channel and says whether anybody listened. */
export function publish<Name extends keyof Messages>(name: Name, message: Messages[Name]): boolean {
  const target = channel(name)
  if (!target.hasSubscribers) return false
  target.publish(message)
  return true
}

/** Publishes a trouble; where nobody listens it becomes a process warning, so that it is never silent. */
export function report<Name extends keyof Messages>(
  name: Name,
  message: Messages[Name],
  warning: string,
): void {
  if (!publish(name, message)) process.emitWarning(warning, { type: 'RekeyWarning', code: name })
}
