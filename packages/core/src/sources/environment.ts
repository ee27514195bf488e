import { RekeyError } from '../errors.ts'
import { text } from '../options.ts'
import type { LoadedCredentials, Source } from '../source.ts'

/** Names of the variables that {@link fromEnv} reads. */
export interface EnvironmentVariables {
  user: string
  password: string
}

/** The variables that a driver's own tools read. */
export type UsualVariables = 'PG*' | 'MYSQL_*' | 'REDIS_URL'

const usual: Record<Exclude<UsualVariables, 'REDIS_URL'>, EnvironmentVariables> = {
  'PG*': { user: 'PGUSER', password: 'PGPASSWORD' },
  'MYSQL_*': { user: 'MYSQL_USER', password: 'MYSQL_PASSWORD' },
}

/**
 * Credentials from environment variables, read anew at each refresh: two of any name, `PGUSER` and `PGPASSWORD` (`'PG*'`),
 * `MYSQL_USER` and `MYSQL_PASSWORD` (`'MYSQL_*'`), or those in `REDIS_URL`, whose user is `default` where it names none. An
 * environment changes only from inside the process, so this is for programs that update `process.env` themselves, and for a
 * first step before a store; `notifiedBy(…, signalChannel('SIGHUP'))` has it read again at that signal. The overlap window
 * is yours to say; all timings follow from it as core has them.
 *
 * | failure | |
 * |---|---|
 * | not set, empty, no URL in `REDIS_URL` | reported at once, tried again with backoff; the last good pair keeps serving |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` if a name is empty. At load: `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromEnv({ user: 'DB_USER', password: 'DB_PASSWORD' })
 * fromEnv('PG*')
 */
export function fromEnv(
  variables: EnvironmentVariables | UsualVariables,
  env: NodeJS.ProcessEnv = process.env,
): Source {
  if (variables === 'REDIS_URL') {
    const load = (): LoadedCredentials => pairOfUrl(variables, read(env, variables, 'the URL'))
    return { name: `environment (${variables})`, load }
  }
  const names = typeof variables === 'string' ? usual[variables] : variables
  for (const option of ['user', 'password'] as const) {
    text(option, names?.[option], "a variable's name")
  }
  const { user, password } = names
  return {
    name: `environment (${user}, ${password})`,
    load: () => ({
      user: read(env, user, 'the user'),
      password: read(env, password, 'the password'),
    }),
  }
}

function read(env: NodeJS.ProcessEnv, name: string, what: string): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  const given = value === undefined ? 'not set' : 'empty'
  throw new RekeyError(
    'ERR_REKEY_ANSWER',
    `The environment variable ${name} is ${given}; it must hold ${what}.`,
    { option: name, given, allowed: 'a value that is not empty' },
  )
}

function pairOfUrl(name: string, value: string): LoadedCredentials {
  try {
    const { username, password } = new URL(value)
    const user = decodeURIComponent(username) || 'default'
    return { user, password: decodeURIComponent(password) }
  } catch {
    // Without a cause: its message quotes the URL, and that holds the password.
    const details = { option: name, given: 'no URL', allowed: 'redis://user:password@host' }
    const message = `The environment variable ${name} holds no URL.`
    throw new RekeyError('ERR_REKEY_ANSWER', message, details)
  }
}
