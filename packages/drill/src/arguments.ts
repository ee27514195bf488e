import { parseArgs } from 'node:util'
import { databases, databasesOf, isDatabase, names } from './databases.ts'
import { defaults } from './drill.ts'
import type { Database } from './targets/target.ts'

/** What the command was asked to do. */
export type Command =
  | { kind: 'help' }
  | {
      kind: 'drill'
      database: Database
      rotations: number
      rate: number
      max: number
      url: string | undefined
      control: boolean
      json: string | undefined
      report: string | undefined
      color: boolean
    }

/** The command line cannot be understood. The message says what is allowed. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** A URL to each database. */
const forms = names.map((name) => `${databases[name].schemes[0]}://${databases[name].address}`)
const limits = { rotations: 1_000, rate: 10_000, max: 500 } as const

export const usage: string = `Usage: drill [${names.join('|')}] [options]

Puts a rekey pool under load, rotates user and password again and again, and shows that no request
fails; then does the same to the driver's own pool, which must fail.
Without --url it starts a server of its own and removes it at the end. Default: an embedded PostgreSQL.

  --rotations N   how many rotations, 1 to ${limits.rotations} (default ${defaults.rotations})
  --rate N        requests started per second, 1 to ${limits.rate} (default ${defaults.rate})
  --max N         the pool's ceiling, 1 to ${limits.max} (default ${defaults.max})
  --url URL       a server of your own, with an admin who may create accounts; the drill makes accounts
                  and a schema named rekey_drill_…, and removes them
                  ${forms.join('\n                  ')}
  --no-control    leave the driver's own pool out
  --json FILE     write the report to a file
  --report FILE   write the report as a web page, with plots
  --no-color      write without colours; so does NO_COLOR=1
  --help          show this

Exit code: 0 if rekey lost nothing and the control failed, 1 if not, 2 if the command was wrong.
`

/** @throws {UsageError} for anything that is not allowed. */
export function parseArguments(parameters: string[]): Command {
  const { values, positionals } = parse(parameters)
  if (values.help) return { kind: 'help' }
  if (positionals.length > 1) {
    throw new UsageError(`One database at a time: ${positionals.join(', ')}.`)
  }
  for (const option of ['json', 'report'] as const) {
    if (values[option] !== '') continue
    throw new UsageError(`--${option} is empty; it must be the name of a file.`)
  }
  return {
    kind: 'drill',
    database: chooseDatabase(positionals[0], values.url),
    rotations: wholeNumber('rotations', values.rotations),
    rate: wholeNumber('rate', values.rate),
    max: wholeNumber('max', values.max),
    url: values.url,
    control: !values['no-control'],
    json: values.json,
    report: values.report,
    color: !values['no-color'],
  }
}

const options = {
  rotations: { type: 'string' },
  rate: { type: 'string' },
  max: { type: 'string' },
  url: { type: 'string' },
  'no-control': { type: 'boolean' },
  json: { type: 'string' },
  report: { type: 'string' },
  'no-color': { type: 'boolean' },
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

/** The one that is named, else the one that the URL is of, else PostgreSQL. */
function chooseDatabase(name: string | undefined, url: string | undefined): Database {
  if (name !== undefined && !isDatabase(name)) {
    throw new UsageError(`Unknown database "${name}"; this version has ${names.join(', ')}.`)
  }
  if (url === undefined) return name ?? 'postgres'
  const [first, ...others] = databasesOf(url)
  // What is wrong with a URL is said without showing it: it may carry a password.
  if (first === undefined) {
    throw new UsageError(`--url is not of the form ${forms.join(' or ')}.`)
  }
  if (name === undefined || name === first) return first
  if (others.includes(name)) return name
  throw new UsageError(`--url is of ${first}, and the drill was asked for ${name}.`)
}

function wholeNumber(name: keyof typeof limits, given: string | undefined): number {
  if (given === undefined) return defaults[name]
  const number = /^\d+$/.test(given) ? Number(given) : NaN
  if (number >= 1 && number <= limits[name]) return number
  throw new UsageError(
    `--${name} is "${given}"; it must be a whole number from 1 to ${limits[name]}.`,
  )
}
