import { parseArgs } from 'node:util'
import { databases, databasesOf, isDatabase, names } from './databases.ts'
import { defaults } from './drill.ts'
import { nearest } from './nearest.ts'
import {
  isScenario,
  missingIn,
  ownServerOnly,
  scenarioNames,
  scenarios,
  scenariosOf,
} from './scenarios/index.ts'
import type { ScenarioName } from './scenarios/scenario.ts'
import { isTopology, ownGroupOnly, topologies, type Topology } from './servers/server.ts'
import type { Database } from './targets/target.ts'

/** What the command was asked to do. */
export type Command =
  | { kind: 'help' }
  | { kind: 'list' }
  | {
      /** Remove what drills that crashed have left. */
      kind: 'cleanup'
      database: Database
      url: string
    }
  | {
      kind: 'drill'
      database: Database
      /** One after the other. */
      scenarios: readonly ScenarioName[]
      rotations: number
      rate: number
      max: number
      url: string | undefined
      /** How the drill's own server is set up. */
      topology: Topology
      /** Whether the question before a drill of a server of one's own has been answered in advance. */
      yes: boolean
      /** Whether that server may look like production. */
      iKnow: boolean
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

export const usage: string = `Usage: drill [${names.join('|')}] [all] [options]

Puts a rekey pool under load, rotates user and password again and again, and shows that no request
fails; then does the same to the driver's own pool, which must fail.
Without --url it starts a server of its own and removes it at the end. Default: an embedded PostgreSQL.

  --scenario A,B  what happens in the rotations (default alternating-users); "drill all" is all that there are
  --list          show the scenarios, each in a sentence
  --rotations N   how many rotations, 1 to ${limits.rotations} (default ${defaults.rotations})
  --rate N        requests started per second, 1 to ${limits.rate} (default ${defaults.rate})
  --max N         the pool's ceiling, 1 to ${limits.max} (default ${defaults.max})
  --topology T    how the drill sets up its own Redis or Valkey: single; sentinel, which is a primary with two replicas and
                  three sentinels; or cluster, three primaries with a replica each (default ${topologies[0]})
  --url URL       a server of your own, with an admin who may create accounts; the drill makes accounts
                  and a schema named rekey_drill_…, and removes them
                  ${forms.join('\n                  ')}
  --yes           do not ask before anything is made in that server
  --i-know        drill it even if it looks like production
  --cleanup       remove from that server what a drill has left that was killed, and nothing else
  --no-control    leave the driver's own pool out
  --json FILE     write the report to a file
  --report FILE   write the report as a web page, with plots; of several scenarios, a page each
  --no-color      write without colours; so does NO_COLOR=1
  --help          show this

Exit code: 0 if rekey lost nothing and the control failed, 1 if not, 2 if the command was wrong.
`

/** @throws {UsageError} for anything that is not allowed. */
export function parseArguments(parameters: string[]): Command {
  const { values, positionals } = parse(parameters)
  if (values.help) return { kind: 'help' }
  if (values.list) return { kind: 'list' }
  const named = positionals.filter((name) => name !== 'all')
  if (named.length > 1) throw new UsageError(`One database at a time: ${named.join(', ')}.`)
  for (const option of ['json', 'report'] as const) {
    if (values[option] !== '') continue
    throw new UsageError(`--${option} is empty; it must be the name of a file.`)
  }
  const database = chooseDatabase(named[0], values.url)
  if (values.cleanup) {
    if (values.url !== undefined) return { kind: 'cleanup', database, url: values.url }
    throw new UsageError('--cleanup needs --url: a server that the drill has started is gone.')
  }
  const topology = chooseTopology(database, values)
  return {
    kind: 'drill',
    database,
    topology,
    scenarios: chooseScenarios(database, topology, named.length < positionals.length, values),
    rotations: wholeNumber('rotations', values.rotations),
    rate: wholeNumber('rate', values.rate),
    max: wholeNumber('max', values.max),
    url: values.url,
    yes: values.yes ?? false,
    iKnow: values['i-know'] ?? false,
    control: !values['no-control'],
    json: values.json,
    report: values.report,
    color: !values['no-color'],
  }
}

const options = {
  scenario: { type: 'string' },
  list: { type: 'boolean' },
  rotations: { type: 'string' },
  rate: { type: 'string' },
  max: { type: 'string' },
  url: { type: 'string' },
  topology: { type: 'string' },
  yes: { type: 'boolean' },
  'i-know': { type: 'boolean' },
  cleanup: { type: 'boolean' },
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
    throw unknown('database', name, names)
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

function chooseTopology(
  database: Database,
  { topology = topologies[0], url }: { topology?: string; url?: string },
): Topology {
  if (!isTopology(topology)) throw unknown('topology', topology, topologies)
  if (topology === 'single') return topology
  if (!databases[database].topologies.includes(topology)) {
    const having = names.filter((name) => databases[name].topologies.includes(topology))
    throw new UsageError(
      `There is no --topology ${topology} of ${database}: it is for ${having.join(' and ')}.`,
    )
  }
  if (url === undefined) return topology
  throw new UsageError(`--topology is ${topology}; ${ownGroupOnly}.`)
}

function chooseScenarios(
  database: Database,
  topology: Topology,
  all: boolean,
  { scenario: given, url }: { scenario?: string; url?: string },
): readonly ScenarioName[] {
  if (all) {
    if (given === undefined) return scenariosOf(database, { isOwn: url === undefined, topology })
    throw new UsageError('Either all scenarios or --scenario, not both.')
  }
  const chosen = (given ?? 'alternating-users').split(',').map((name) => {
    if (!isScenario(name)) throw unknown('scenario', name, scenarioNames)
    const { missing, ownServer } = scenarios[name]
    if (missing?.[database] !== undefined) {
      throw new UsageError(`There is no ${name} on ${database}: ${missing[database]}.`)
    }
    const why = missingIn(topology, scenarios[name])
    if (why !== undefined) {
      throw new UsageError(`There is no ${name} with --topology ${topology}: ${why}.`)
    }
    if (!ownServer || url === undefined) return name
    throw new UsageError(`There is no ${name} with --url: ${ownServerOnly}.`)
  })
  return [...new Set(chosen)]
}

function unknown(what: string, given: string, known: readonly string[]): UsageError {
  const meant = nearest(given, known)
  const question = meant === undefined ? 'this' : `did you mean ${meant}? This`
  return new UsageError(`Unknown ${what} "${given}"; ${question} version has ${known.join(', ')}.`)
}

function wholeNumber(name: keyof typeof limits, given: string | undefined): number {
  if (given === undefined) return defaults[name]
  const number = /^\d+$/.test(given) ? Number(given) : NaN
  if (number >= 1 && number <= limits[name]) return number
  throw new UsageError(
    `--${name} is "${given}"; it must be a whole number from 1 to ${limits[name]}.`,
  )
}
