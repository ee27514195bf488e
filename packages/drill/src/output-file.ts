import { open, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, format, parse, resolve } from 'node:path'
import { UsageError } from './arguments.ts'
import { DrillError } from './error.ts'

/** More than any report has. */
const room = 4 * 2 ** 20

/**
 * Finds out before a drill whether its report will have a place. What is in the file stays there until then.
 *
 * @throws {UsageError} if the file cannot be written, or if the disk is full.
 */
export async function checkWritable(option: string, file: string): Promise<void> {
  const existed = await stat(file).then(
    () => true,
    () => false,
  )
  try {
    await (await open(file, 'a')).close()
    if (!existed) await rm(file)
  } catch (error) {
    throw new UsageError(`${option}: ${file} cannot be written. ${reasonOf(error)}`, {
      cause: error,
    })
  }
  const { bavail, bsize, blocks } = await statfs(dirname(resolve(file)))
  // What is no disk has no blocks.
  if (blocks === 0 || bavail * bsize >= room) return
  throw new UsageError(
    `${option}: there is no room for ${file}; a report may need ${room / 2 ** 20} MB.`,
  )
}

/** Where the page of one of several scenarios goes: beside the file, with the scenario in its name. */
export function pageFileOf(file: string, scenario: string): string {
  const { dir, name, ext } = parse(file)
  return format({ dir, name: `${name}-${scenario}`, ext })
}

/** @throws {DrillError} if the file cannot be written after all. */
export async function writeReport(option: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    throw new DrillError(`${option}: ${file} could not be written. ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
