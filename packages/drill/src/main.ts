#!/usr/bin/env node
import { appendFile } from 'node:fs/promises'
import { parseArguments, usage, UsageError, type Command } from './arguments.ts'
import { askFirst } from './ask-first.ts'
import { commandAgain } from './command-again.ts'
import { databases } from './databases.ts'
import { drill } from './drill.ts'
import { environment } from './environment.ts'
import { DrillError } from './error.ts'
import { jobSummary } from './job-summary.ts'
import { listScenarios } from './list.ts'
import { oneServer } from './one-server.ts'
import { checkWritable, pageFileOf, writeReport } from './output-file.ts'
import { renderPage } from './page/page.ts'
import { Progress } from './progress.ts'
import { Recording } from './recording.ts'
import { diagnosis, type DrillReport } from './report.ts'
import { scenarios as known } from './scenarios/index.ts'
import { table } from './table.ts'
import { paletteFor } from './view/palette.ts'

/** 128 and the number of the signal, as shells have it. */
const interruptions = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** One scenario's, with what there is to plot. */
interface Drilled {
  readonly report: DrillReport
  readonly recording: Recording
}

class Interrupted extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('Interrupted.')
    this.exitCode = exitCode
  }
}

async function main(): Promise<number> {
  const command = parseArguments(process.argv.slice(2))
  if (command.kind === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (command.kind === 'list') {
    process.stdout.write(listScenarios())
    return 0
  }
  if (command.kind === 'cleanup') return cleanUp(command)
  for (const option of ['json', 'report'] as const) {
    const file = command[option]
    if (file !== undefined) await checkWritable(`--${option}`, file)
  }
  const { url } = command
  if (url !== undefined) {
    await askFirst({ ...command, url }, { input: process.stdin, output: process.stdout })
  }
  return run(command)
}

async function run(command: Extract<Command, { kind: 'drill' }>): Promise<number> {
  const { database, topology, rotations, rate, max, url, control, color, scenarios } = command
  const palette = paletteFor(process.stdout, color)
  const progress = new Progress(process.stdout, palette)
  const interruption = new AbortController()
  for (const [name, exitCode] of Object.entries(interruptions)) {
    process.on(name, () => {
      // Somebody who asks twice does not want to wait; the server is stopped by its own process.
      if (interruption.signal.aborted) process.exit(exitCode)
      interruption.abort(new Interrupted(exitCode))
    })
  }
  const server = oneServer(databases[database].target({ url, topology }))
  const drills: Drilled[] = []
  try {
    for (const scenario of scenarios) {
      const { sentence, remark } = known[scenario]
      if (scenarios.length > 1) process.stdout.write(`\n── ${scenario}: ${sentence}\n`)
      const recording = new Recording()
      const report = await drill({
        ...{ rotations, rate, max, control, scenario },
        target: server.target,
        signal: interruption.signal,
        onEvent(event) {
          recording.add(event)
          progress.show(event)
        },
      })
      progress.clear()
      process.stdout.write(`\n${table(report, palette)}`)
      if (remark !== undefined) process.stdout.write(`${remark}\n`)
      drills.push({ report, recording })
    }
  } catch (error) {
    progress.clear()
    await server.close().catch((left: Error) => {
      const first = error instanceof Error ? error.message : String(error)
      throw new DrillError(`${first}\n${left.message}`, { cause: error })
    })
    throw error
  }
  await server.close()
  const passed = drills.map(({ report }) => diagnosis(report).length === 0)
  if (drills.length > 1) {
    const lines = scenarios.map((name, index) =>
      passed[index] ? palette.good(`✓ ${name}`) : palette.bad(`✗ ${name}`),
    )
    process.stdout.write(`\n${lines.join('\n')}\n`)
  }
  await writeReports(command, drills)
  return passed.every(Boolean) ? 0 : 1
}

async function cleanUp({ database, url }: Extract<Command, { kind: 'cleanup' }>): Promise<number> {
  const { removed, inUse } = await databases[database].cleanUp(url)
  const lines = [
    ...removed.map((name) => `Removed ${name}…`),
    ...inUse.map((name) => `Left ${name}…: it has sessions, so its drill is running.`),
  ]
  process.stdout.write(`${lines.join('\n') || 'No drill has left anything.'}\n`)
  return 0
}

/** All that can be written is, before it is said what could not. */
async function writeReports(
  { database, json, report: pageFile, scenarios }: Extract<Command, { kind: 'drill' }>,
  drills: readonly Drilled[],
): Promise<void> {
  const reports = drills.map(({ report }) => report)
  const content = reports.length === 1 ? reports[0] : reports
  const circumstances = {
    command: commandAgain(process.argv.slice(2)),
    environment: environment(database),
  }
  const written = await Promise.allSettled([
    json && writeReport('--json', json, `${JSON.stringify(content, undefined, 2)}\n`),
    ...drills.map(async ({ report, recording }, index) => {
      if (pageFile === undefined) return
      const file = drills.length === 1 ? pageFile : pageFileOf(pageFile, scenarios[index]!)
      await writeReport('--report', file, await renderPage(report, recording, circumstances))
    }),
    writeJobSummary(reports),
  ])
  for (const result of written) if (result.status === 'rejected') throw result.reason
}

/** Where GitHub Actions asks for one. That it has no room says nothing of the drill. */
async function writeJobSummary(reports: readonly DrillReport[]): Promise<void> {
  const file = process.env['GITHUB_STEP_SUMMARY']
  if (!file) return
  await appendFile(file, reports.map(jobSummary).join('\n')).catch((error: unknown) => {
    process.stderr.write(`drill: the job summary could not be written: ${String(error)}\n`)
  })
}

function fail(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write('Interrupted; what the drill had made is removed.\n')
    return error.exitCode
  }
  if (error instanceof UsageError) {
    process.stderr.write(`drill: ${error.message}\nSee drill --help.\n`)
    return 2
  }
  if (error instanceof DrillError) {
    process.stderr.write(`drill: ${error.message}\n`)
    return 1
  }
  process.stderr.write(`drill: ${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}

// A control that hangs may hold on to the process.
process.exit(await main().catch(fail))
