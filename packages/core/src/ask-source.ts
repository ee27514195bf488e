import type { Clock } from './clock.ts'
import { toCredentials, type Credentials } from './credentials.ts'
import { RekeyError } from './errors.ts'
import type { Source } from './source.ts'

/** One load. Ends with an error at the deadline, or when `signal` aborts, whether or not the source looks at either. */
export async function askSource(
  source: Source,
  { deadline, clock, signal }: { deadline: number; clock: Clock; signal: AbortSignal },
): Promise<Credentials> {
  const controller = new AbortController()
  const { promise: never, reject } = Promise.withResolvers<never>()
  const giveUp = (error: unknown): void => {
    controller.abort(error)
    reject(error)
  }
  const onAbort = (): void => giveUp(signal.reason)
  signal.addEventListener('abort', onAbort)
  const timer = clock.after(deadline, () => giveUp(late(source.name, deadline)))
  try {
    const answer = (async () => source.load({ signal: controller.signal }))()
    return toCredentials(await Promise.race([answer, never]), source.name)
  } catch (error) {
    if (error instanceof RekeyError) throw error
    throw new RekeyError('ERR_REKEY_LOAD', `The source ${source.name} failed.`, {
      option: 'source',
      given: 'an error, which is the cause',
      allowed: 'user and password',
      cause: error,
    })
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

function late(source: string, deadline: number): RekeyError {
  return new RekeyError(
    'ERR_REKEY_LOAD_DEADLINE',
    `The source ${source} did not answer within ${deadline} ms (loadDeadline).`,
    { option: 'loadDeadline', given: 'no answer', allowed: `an answer in ${deadline} ms` },
  )
}
