import type { Clock } from './clock.ts'
import { toCredentials, type Credentials } from './credentials.ts'
import { beforeDeadline } from './deadline.ts'
import { RekeyError } from './errors.ts'
import type { Source } from './source.ts'

/** One load. Ends with an error at the deadline, or when `signal` aborts, whether or not the source looks at either. */
export async function askSource(
  source: Source,
  { deadline, clock, signal }: { deadline: number; clock: Clock; signal: AbortSignal },
): Promise<Credentials> {
  const limit = { after: deadline, option: 'loadDeadline', source: source.name, clock, signal }
  try {
    const answer = await beforeDeadline(limit, (own) => source.load({ signal: own, clock }))
    return toCredentials(answer, source.name)
  } catch (error) {
    if (error instanceof RekeyError) throw error
    throw new RekeyError('ERR_REKEY_LOAD', `The source ${source.name} failed.`, {
      option: 'source',
      given: 'an error, which is the cause',
      allowed: 'user and password',
      cause: error,
    })
  }
}
