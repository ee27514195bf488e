import type { Refusal } from '@rekey/core'
import type { ReplyError } from './driver.ts'

/** What an error in answer to AUTH or HELLO says of the credentials; `undefined` where it is not about them. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined
  // Wrong password, unknown user or one that is off: the server does not tell them apart. Redis 5 has its own words.
  return /^(WRONGPASS|ERR invalid password)/.test(error.message) ? 'refused' : undefined
}

/** Whether it says that the server lets everybody in: no password is set for who has no user name. Redis 5 has its own words. */
export function needsNoPassword(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /no password is set|without any password configured/.test(error.message)
}

/** The driver hangs the command and its arguments on an error, and here they are a password. */
export function withoutSecrets<Failure extends ReplyError>(error: Failure): Failure {
  if (error.command !== undefined) error.command = { name: error.command.name, args: [] }
  return error
}
