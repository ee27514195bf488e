import { RekeyError } from '../errors.ts'
import type { LoadContext, LoadedCredentials, Source, SourceDefaults } from '../source.ts'

/** What {@link fromFunction} takes: a plain function will do. */
export type Load = (context: LoadContext) => LoadedCredentials | Promise<LoadedCredentials>

/**
 * Credentials from a function of your own. It is called once per refresh, whatever the load, with a signal that aborts
 * at the load deadline. The overlap window is yours to say, here or in `defaults` with the other timings of your store; what
 * they leave out follows from it as core has it. Whatever it throws is told, and tried again with backoff.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` if `load` is not a function.
 *
 * @example
 * fromFunction(async ({ signal }) => {
 *   const response = await fetch(url, { signal })
 *   const { user, password, id } = await response.json()
 *   return { user, password, version: id }
 * })
 */
export function fromFunction(
  load: Load,
  options: { name?: string; defaults?: SourceDefaults; watch?: Source['watch'] } = {},
): Source {
  if (typeof load !== 'function') {
    throw new RekeyError('ERR_REKEY_OPTION', `load is ${typeof load}; it must be a function.`, {
      option: 'load',
      given: typeof load,
      allowed: 'a function that returns { user, password }',
    })
  }
  const { name = 'function', defaults, watch } = options
  return { name, load, ...(defaults && { defaults }), ...(watch && { watch }) }
}
