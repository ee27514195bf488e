import type { Clock } from './clock.ts'
import { RekeyError } from './errors.ts'

export interface Deadline {
  /** Milliseconds, and the option that says how many. */
  after: number
  option: string
  /** Who is asked. */
  source: string
  clock: Clock
  signal: AbortSignal
}

/**
 * What `ask` answers, unless the deadline is there first, or `signal` aborts: then it is an error, whether or not `ask`
 * looks at the signal that it is given.
 *
 * @throws {RekeyError} `ERR_REKEY_LOAD_DEADLINE`.
 */
export async function beforeDeadline<Answer>(
  { after, option, source, clock, signal }: Deadline,
  ask: (signal: AbortSignal) => Answer | Promise<Answer>,
): Promise<Answer> {
  const controller = new AbortController()
  const { promise: never, reject } = Promise.withResolvers<never>()
  const giveUp = (error: unknown): void => {
    controller.abort(error)
    reject(error)
  }
  const onAbort = (): void => giveUp(signal.reason)
  signal.addEventListener('abort', onAbort)
  const timer = clock.after(after, () => giveUp(late(source, option, after)))
  try {
    return await Promise.race([(async () => ask(controller.signal))(), never])
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

function late(source: string, option: string, after: number): RekeyError {
  return new RekeyError(
    'ERR_REKEY_LOAD_DEADLINE',
    `The source ${source} did not answer within ${after} ms (${option}).`,
    { option, given: 'no answer', allowed: `an answer in ${after} ms` },
  )
}
