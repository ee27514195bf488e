import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { measureFreshRead } from './fresh-read.ts'
import { measureGrowth } from './growth.ts'
import { measureOverhead } from './overhead.ts'
import {
  freshReadReport,
  growthReport,
  overheadReport,
  rotationReport,
  type RotationRow,
} from './report.ts'
import { measureRotation } from './rotation-latency.ts'
import { contenders, overlap } from './rotation-plans.ts'
import { startServer, type Server } from './server.ts'

const usage = `bench [--only overhead|read|rotation|growth] [--rotations N] [--json FILE]

  --only SECTION    Run one section only.
  --rotations N     Rotations of the growth section. Default: 10000.
  --json FILE       Write all results there too.
`

/** Measures, prints what it has found, and gives it back. */
type Section = (server: Server, signal: AbortSignal) => Promise<unknown>

function allSections(rotations: number): Record<string, Section> {
  return {
    async overhead(server, signal) {
      const results = await measureOverhead(server, { generations: 12, rounds: 60 }, signal)
      print(overheadReport(results))
      return results
    },
    async read() {
      const results = await measureFreshRead()
      print(freshReadReport(results))
      return results
    },
    async rotation(server, signal) {
      const rows: RotationRow[] = []
      for (const { name, recipe, plan } of contenders) {
        progress(`rotation: ${name}`)
        rows.push({ name, plan, result: await measureRotation(server, recipe, plan, signal) })
      }
      print(rotationReport(rows, overlap))
      return rows
    },
    async growth(server, signal) {
      const lookAt = [rotations / 10, rotations / 2, rotations].map(Math.ceil)
      const results = await measureGrowth(server, { max: 2, lookAt }, signal)
      print(growthReport(results))
      return results
    },
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rotations: { type: 'string', default: '10000' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const rotations = Number(values.rotations)
  const sections = Object.entries(allSections(rotations)).filter(
    ([name]) => values.only === undefined || values.only === name,
  )
  if (values.help || sections.length === 0 || !Number.isInteger(rotations) || rotations < 1) {
    process.stderr.write(usage)
    return values.help ? 0 : 2
  }
  // Whoever asks twice does not want to wait; the server goes when its starter is gone.
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interruption.abort())
  }
  try {
    const results = await run(sections, interruption.signal)
    if (values.json !== undefined) {
      await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`)
    }
    return 0
  } catch (error) {
    if (interruption.signal.aborted) return 130
    throw error
  }
}

async function run(
  sections: readonly (readonly [string, Section])[],
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  await using server = await startServer()
  print(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ` +
      'embedded PostgreSQL on loopback with SCRAM, no TLS. Ratios count; times are of this machine.',
  )
  const results: Record<string, unknown> = {}
  for (const [name, section] of sections) {
    progress(name)
    results[name] = await section(server, signal)
  }
  return results
}

function print(text: string): void {
  process.stdout.write(`\n${text}\n`)
}

// Not on stdout: that is the report.
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K… ${text}\r`)
}

process.exitCode = await main()
