#!/usr/bin/env node
import { access, constants, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArguments, usage, UsageError, type Command } from './arguments.ts'
import { databases } from './databases.ts'
import { drill } from './drill.ts'
import { DrillError } from './error.ts'
import { Progress } from './progress.ts'
import { diagnosis } from './report.ts'
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
  if (command.json !== undefined) await checkWritable(command.json)
  return run(command)
}

async function run(command: Extract<Command, { kind: 'drill' }>): Promise<number> {
  const { database, url, json, color, ...options } = command
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
  try {
    const report = await drill({
      ...options,
      target: databases[database].target({ url }),
      signal: interruption.signal,
      onEvent: (event) => progress.show(event),
    })
    progress.clear()
    process.stdout.write(`\n${table(report, palette)}`)
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`)
    return diagnosis(report).length === 0 ? 0 : 1
  } catch (error) {
    progress.clear()
    throw error
  }
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
