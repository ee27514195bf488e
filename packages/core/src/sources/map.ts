import { toCredentials } from '../credentials.ts'
import { RekeyError } from '../errors.ts'
import { kindOf } from '../options.ts'
import type { LoadedCredentials, Source } from '../source.ts'
import { likewise } from './likewise.ts'

/**
 * The same source with each answer made into another: a user name that the store has without its host, a password that
 * is one of several in a field. The pair before the newest goes through it too; where that cannot be made it is left out, as
 * it only stands in. Name, defaults and watch stay the source's.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` if `make` is not a function. What it throws for the newest pair fails the load.
 *
 * @example
 * map(fromFile('/etc/app/database.json'), (loaded) => ({ ...loaded, user: `${loaded.user}@tenant` }))
 */
export function map(
  source: Source,
  make: (loaded: LoadedCredentials) => LoadedCredentials | Promise<LoadedCredentials>,
): Source {
  if (typeof make !== 'function') {
    const details = { option: 'make', given: kindOf(make), allowed: 'a function of an answer' }
    throw new RekeyError(
      'ERR_REKEY_OPTION',
      `make is ${details.given}; it must be a function.`,
      details,
    )
  }
  async function standIn(previous: LoadedCredentials): Promise<LoadedCredentials | undefined> {
    try {
      const made = await make(previous)
      toCredentials(made, source.name)
      return made
    } catch {
      // The newest pair works without it.
      return undefined
    }
  }

  return {
    ...likewise(source),
    async load(context) {
      const loaded = await source.load(context)
      const { previous } = loaded
      const made = await make(loaded)
      return { ...made, ...(previous && { previous: await standIn(previous) }) }
    },
  }
}
