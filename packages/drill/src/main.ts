#!/usr/bin/env node
import { access, constants, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { styleText } from 'node:util'
import { parseArguments, usage, UsageError, type Command } from './arguments.ts'
import { askFirst } from './ask-first.ts'
import { databases } from './databases.ts'
import { drill } from './drill.ts'
import { DrillError } from './error.ts'
import { listScenarios } from './list.ts'
import { oneServer } from './one-server.ts'
import { Progress } from './progress.ts'
import { diagnosis, type DrillReport } from './report.ts'
import { scenarios as known } from './scenarios/index.ts'
import { table, type Palette } from './table.ts'

const palette: Palette = {
  good: (text) => styleText('green', text, { stream: process.stdout }),
  bad: (text) => styleText('red', text, { stream: process.stdout }),
  quiet: (text) => styleText('dim', text, { stream: process.stdout }),
}

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
  if (command.kind === 'list') {
    process.stdout.write(listScenarios())
    return 0
  }
  if (command.kind === 'cleanup') return cleanUp(command)
  if (command.json !== undefined) await checkWritable(command.json)
  const { url } = command
  if (url !== undefined) {
    await askFirst({ ...command, url }, { input: process.stdin, output: process.stdout })
  }
  return run(command)
}

async function run(command: Extract<Command, { kind: 'drill' }>): Promise<number> {
  const { database, url, json, scenarios, ...options } = command
  const progress = new Progress(process.stdout)
  const interruption = new AbortController()
  for (const [name, exitCode] of Object.entries(interruptions)) {
    process.on(name, () => {
      // Somebody who asks twice does not want to wait; the server is stopped by its own process.
      if (interruption.signal.aborted) process.exit(exitCode)
      interruption.abort(new Interrupted(exitCode))
    })
  }
  const server = oneServer(databases[database].target({ url }))
  const reports: DrillReport[] = []
  try {
    for (const scenario of scenarios) {
      const { sentence, remark } = known[scenario]
      if (scenarios.length > 1) process.stdout.write(`\n── ${scenario}: ${sentence}\n`)
      const report = await drill({
        ...options,
        scenario,
        target: server.target,
        signal: interruption.signal,
        onEvent: (event) => progress.show(event),
      })
      progress.clear()
      process.stdout.write(`\n${table(report, palette)}`)
      if (remark !== undefined) process.stdout.write(`${remark}\n`)
      reports.push(report)
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
  const passed = reports.map((report) => diagnosis(report).length === 0)
  if (reports.length > 1) {
    const lines = scenarios.map((name, index) =>
      passed[index] ? palette.good(`✓ ${name}`) : palette.bad(`✗ ${name}`),
    )
    process.stdout.write(`\n${lines.join('\n')}\n`)
  }
  if (json !== undefined) {
    const content = reports.length === 1 ? reports[0] : reports
    await writeFile(json, `${JSON.stringify(content, undefined, 2)}\n`)
  }
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

async function checkWritable(file: string): Promise<void> {
  try {
    await access(dirname(resolve(file)), constants.W_OK)
  } catch (error) {
    throw new UsageError(`--json: ${file} cannot be written.`, { cause: error })
  }
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
