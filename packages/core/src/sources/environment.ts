import { RekeyError } from '../errors.ts'
import { text } from '../options.ts'
import type { Source } from '../source.ts'

/** Names of the variables that {@link fromEnv} reads. */
export interface EnvironmentVariables {
  user: string
  password: string
}

/**
 * Credentials from environment variables, read anew at each refresh. An environment changes only from inside the
 * process, so this is for programs that update `process.env` themselves, and for a first step before a store.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` if a name is empty. A variable that is not set fails the load.
 *
 * @example
 * fromEnv({ user: 'DB_USER', password: 'DB_PASSWORD' })
 */
export function fromEnv(names: EnvironmentVariables, env: NodeJS.ProcessEnv = process.env): Source {
  for (const option of ['user', 'password'] as const) {
    text(option, names?.[option], "a variable's name")
  }
  const read = (option: 'user' | 'password'): string => {
    const value = env[names[option]]
    if (value !== undefined && value !== '') return value
    const given = value === undefined ? 'not set' : 'empty'
    throw new RekeyError(
      'ERR_REKEY_ANSWER',
      `The environment variable ${names[option]} is ${given}; it must hold the ${option}.`,
      { option: names[option], given, allowed: 'a value that is not empty' },
    )
  }
  return {
    name: `environment (${names.user}, ${names.password})`,
    load: () => ({ user: read('user'), password: read('password') }),
  }
}
