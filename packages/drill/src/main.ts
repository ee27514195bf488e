#!/usr/bin/env node
import { appendFile } from 'node:fs/promises'
import { parseArguments, usage, UsageError, type Command } from './arguments.ts'
import { commandAgain } from './command-again.ts'
import { databases } from './databases.ts'
import { drill } from './drill.ts'
import { environment } from './environment.ts'
import { DrillError } from './error.ts'
import { jobSummary } from './job-summary.ts'
import { checkWritable, writeReport } from './output-file.ts'
import { renderPage } from './page/page.ts'
import { Progress } from './progress.ts'
import { Recording } from './recording.ts'
import { diagnosis, type DrillReport } from './report.ts'
import { table } from './table.ts'
import { paletteFor } from './view/palette.ts'

/** 128 and the number of the signal, as shells have it. */
const interruptions = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

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
  for (const option of ['json', 'report'] as const) {
    const file = command[option]
    if (file !== undefined) await checkWritable(`--${option}`, file)
  }
  return run(command)
}

async function run(command: Extract<Command, { kind: 'drill' }>): Promise<number> {
  const { database, rotations, rate, max, url, control, color } = command
  const palette = paletteFor(process.stdout, color)
  const progress = new Progress(process.stdout, palette)
  const recording = new Recording()
  const interruption = new AbortController()
  for (const [name, exitCode] of Object.entries(interruptions)) {
    process.on(name, () => {
      // Somebody who asks twice does not want to wait; the server is stopped by its own process.
      if (interruption.signal.aborted) process.exit(exitCode)
      interruption.abort(new Interrupted(exitCode))
    })
  }
  try {
    const report = await drill({
      ...{ rotations, rate, max, control },
      target: databases[database].target({ url }),
      signal: interruption.signal,
      onEvent(event) {
        recording.add(event)
        progress.show(event)
      },
    })
    progress.clear()
    process.stdout.write(`\n${table(report, palette)}`)
    await writeReports(command, report, recording)
    return diagnosis(report).length === 0 ? 0 : 1
  } catch (error) {
    progress.clear()
    throw error
  }
}

/** All that can be written is, before it is said what could not. */
async function writeReports(
  { database, json, report: pageFile }: Extract<Command, { kind: 'drill' }>,
  report: DrillReport,
  recording: Recording,
): Promise<void> {
  const circumstances = {
    command: commandAgain(process.argv.slice(2)),
    environment: environment(database),
  }
  const page = pageFile && (await renderPage(report, recording, circumstances))
  const written = await Promise.allSettled([
    json && writeReport('--json', json, `${JSON.stringify(report, undefined, 2)}\n`),
    pageFile && page && writeReport('--report', pageFile, page),
    writeJobSummary(report),
  ])
  for (const result of written) if (result.status === 'rejected') throw result.reason
}

/** Where GitHub Actions asks for one. That it has no room says nothing of the drill. */
async function writeJobSummary(report: DrillReport): Promise<void> {
  const file = process.env['GITHUB_STEP_SUMMARY']
  if (!file) return
  await appendFile(file, jobSummary(report)).catch((error: unknown) => {
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
