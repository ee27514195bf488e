import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { measureFreshRead } from './fresh-read.ts'
import { measureGrowth } from './growth.ts'
import { measurePeers } from './node-redis.ts'
import { measureOverhead } from './overhead.ts'
import {
  freshReadReport,
  growthReport,
  overheadReport,
  peersReport,
  rotationReport,
  type RotationRow,
} from './report.ts'
import { measureRotation } from './rotation-latency.ts'
import { contenders, overlap } from './rotation-plans.ts'
import type { Server } from './subject.ts'
import { subjects, type SubjectName } from './subjects/index.ts'

const usage = `bench [${Object.keys(subjects).join('|')}] [--only overhead|read|rotation|growth|node-redis] [--rotations N] [--json FILE]

  --only SECTION    Run one section only. Of redis and valkey alone: node-redis, beside which ours does the same.
  --rotations N     Rotations of the growth section. Default: 10000.
  --json FILE       Write all results there too.
`

/** Measures, prints what it has found, and gives it back. */
type Section = (server: Server, signal: AbortSignal) => Promise<unknown>

function allSections(name: SubjectName, rotations: number): Record<string, Section> {
  const subject = subjects[name]
  return {
    async overhead(server, signal) {
      const results = await measureOverhead(name, server, { generations: 12, rounds: 60 }, signal)
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
      for (const contender of contenders) {
        progress(`rotation: ${contender.name}`)
        const { recipe, plan } = contender
        const result = await measureRotation(subject, server, recipe, plan, signal)
        rows.push({ ...contender, result })
      }
      print(rotationReport(rows, overlap))
      return rows
    },
    async growth(server, signal) {
      const lookAt = [rotations / 10, rotations / 2, rotations].map(Math.ceil)
      const results = await measureGrowth(subject, server, { max: 2, lookAt }, signal)
      print(growthReport(results))
      return results
    },
    ...((name === 'redis' || name === 'valkey') && { 'node-redis': comparePeers }),
  }
}

async function comparePeers(server: Server, signal: AbortSignal): Promise<unknown> {
  const results = await measurePeers(server, signal)
  print(peersReport(results))
  return results
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      rotations: { type: 'string', default: '10000' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const [name = 'postgres', ...others] = positionals
  const rotations = Number(values.rotations)
  const isCount = Number.isInteger(rotations) && rotations >= 1
  if (values.help || !isSubject(name) || others.length > 0 || !isCount) return explain(values.help)
  const sections = Object.entries(allSections(name, rotations)).filter(
    ([section]) => values.only === undefined || values.only === section,
  )
  if (sections.length === 0) return explain()
  // Whoever asks twice does not want to wait; the server goes when its starter is gone.
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interruption.abort())
  }
  try {
    const results = await run(name, sections, interruption.signal)
    if (values.json !== undefined) {
      await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`)
    }
    return 0
  } catch (error) {
    if (interruption.signal.aborted) return 130
    throw error
  }
}

function isSubject(name: string): name is SubjectName {
  return Object.hasOwn(subjects, name)
}

function explain(isAsked = false): number {
  process.stderr.write(usage)
  return isAsked ? 0 : 2
}

async function run(
  name: SubjectName,
  sections: readonly (readonly [string, Section])[],
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const subject = subjects[name]
  await using server = await subject.startServer(signal)
  print(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ` +
      `${subject.about}. Ratios count; times are of this machine.`,
  )
  const results: Record<string, unknown> = {}
  for (const [title, section] of sections) {
    progress(title)
    results[title] = await section(server, signal)
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
