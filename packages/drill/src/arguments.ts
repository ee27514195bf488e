import { parseArgs } from 'node:util'
import { defaults } from './drill.ts'

/** What the command was asked to do. */
export type Command =
  | { kind: 'help' }
  | {
      kind: 'drill'
      rotations: number
      rate: number
      max: number
      url: string | undefined
      control: boolean
      json: string | undefined
    }

/** The command line cannot be understood. The message says what is allowed. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

const planned = ['mysql', 'mariadb', 'redis', 'valkey']
const limits = { rotations: 1_000, rate: 10_000, max: 500 } as const

export const usage: string = `Usage: drill [postgres] [options]

Puts a rekey pool under load, rotates user and password again and again, and shows that no request
fails; then does the same to the driver's own pool, which must fail.
Without --url it starts an embedded PostgreSQL and removes it at the end.

  --rotations N   how many rotations, 1 to ${limits.rotations} (default ${defaults.rotations})
  --rate N        requests started per second, 1 to ${limits.rate} (default ${defaults.rate})
  --max N         the pool's ceiling, 1 to ${limits.max} (default ${defaults.max})
  --url URL       a server of your own: postgres://admin@host/database, with an admin who may create
                  roles; the drill makes three roles and a schema named rekey_drill_…, and removes them
  --no-control    leave the driver's own pool out
  --json FILE     write the report to a file
  --help          show this

Exit code: 0 if rekey lost nothing and the control failed, 1 if not, 2 if the command was wrong.
`

/** @throws {UsageError} for anything that is not allowed. */
export function parseArguments(parameters: string[]): Command {
  const { values, positionals } = parse(parameters)
  if (values.help) return { kind: 'help' }
  const [database = 'postgres', ...others] = positionals
  if (others.length > 0) throw new UsageError(`One database at a time: ${positionals.join(', ')}.`)
  checkDatabase(database)
  if (values.url !== undefined) checkUrl(values.url)
  if (values.json === '') throw new UsageError('--json is empty; it must be the name of a file.')
  return {
    kind: 'drill',
    rotations: wholeNumber('rotations', values.rotations),
    rate: wholeNumber('rate', values.rate),
    max: wholeNumber('max', values.max),
    url: values.url,
    control: !values['no-control'],
    json: values.json,
  }
}

const options = {
  rotations: { type: 'string' },
  rate: { type: 'string' },
  max: { type: 'string' },
  url: { type: 'string' },
  'no-control': { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

type Parsed = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: typeof options }>
>

function parse(parameters: string[]): Parsed {
  try {
    return parseArgs({ args: parameters, allowPositionals: true, options })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function checkDatabase(database: string): void {
  if (database === 'postgres') return
  if (planned.includes(database)) {
    throw new UsageError(`${database} is not in this version of the drill; postgres is.`)
  }
  throw new UsageError(`Unknown database "${database}"; this version has postgres.`)
}

// What is wrong with a URL is said without showing it: it may carry a password.
function checkUrl(text: string): void {
  const scheme = URL.canParse(text) ? new URL(text).protocol.slice(0, -1) : ''
  if (scheme === 'postgres' || scheme === 'postgresql') return
  if (planned.includes(scheme)) checkDatabase(scheme)
  throw new UsageError('--url is not a URL of the form postgres://admin@host:port/database.')
}

function wholeNumber(name: keyof typeof limits, given: string | undefined): number {
  if (given === undefined) return defaults[name]
  const number = /^\d+$/.test(given) ? Number(given) : NaN
  if (number >= 1 && number <= limits[name]) return number
  throw new UsageError(
    `--${name} is "${given}"; it must be a whole number from 1 to ${limits[name]}.`,
  )
}
