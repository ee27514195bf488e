import { createInterface } from 'node:readline/promises'
import { UsageError } from './arguments.ts'
import { databases } from './databases.ts'
import { signsOfProduction } from './production.ts'
import type { Survey } from './targets/survey.ts'
import type { Database } from './targets/target.ts'

/** A drill of a server that is somebody's own. */
export interface Intent {
  readonly database: Database
  readonly url: string
  readonly rate: number
  readonly max: number
  /** Whether the question has been answered in advance. */
  readonly yes: boolean
  /** Whether it may look like production. */
  readonly iKnow: boolean
}

/** Where a person can be asked. */
interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined }
}

/**
 * Before anything is made in a server that is not the drill's own: looks at it, and asks.
 *
 * @throws {UsageError} if it looks like production and nobody has said that they know; if nobody agrees, or can be asked.
 * @throws {DrillError} if it cannot be reached.
 */
export async function askFirst(intent: Intent, { input, output }: Terminal): Promise<void> {
  const { database, url, yes, iKnow } = intent
  const canAsk = input.isTTY === true && output.isTTY === true
  if (!yes && !canAsk) {
    throw new UsageError(
      '--url makes accounts in a server that is not the drill’s own, and puts load on it; that has to be agreed to, and ' +
        'there is no terminal to ask on. Add --yes.',
    )
  }
  const survey = await databases[database].survey(url)
  const signs = await signsOfProduction(survey)
  if (signs.length > 0 && !iKnow) {
    throw new UsageError(
      `${survey.server} at ${survey.host || 'this machine'} looks like production: ${signs.join('; ')}. ` +
        'A drill is a load test that locks accounts. If that is what you want, add --i-know.',
    )
  }
  if (yes) return
  const prompt = createInterface({ input, output })
  const answer = await prompt.question(question(intent, survey))
  prompt.close()
  if (/^y(?:es)?$/i.test(answer.trim())) return
  throw new UsageError('Nothing was made.')
}

function question({ database, rate, max }: Intent, survey: Survey): string {
  const { makes } = databases[database]
  return (
    `${survey.server} at ${survey.host || 'this machine'}, as ${survey.admin}:\n` +
    `the drill will make ${makes}, all named rekey_drill_…, start ${rate} requests per second on up to ${max} ` +
    'sessions, and remove what it has made.\nGo on? [y/N] '
  )
}
