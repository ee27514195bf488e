import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'

const require = createRequire(import.meta.url)

export interface ChildEnding {
  /** `null` if it had to be killed. */
  readonly code: number | null
  readonly said: string[]
  readonly errors: string
}

export interface ChildOptions {
  readonly driver: 'pg' | 'mysql2' | 'ioredis'
  readonly program: URL
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Hears of each line as it is said. */
  readonly onLine?: (line: string) => void
}

/** Where the version of the driver is that these tests run against; a child knows nothing of the project's alias. */
function folderOf(driver: string): string {
  const manifests = [driver, `${driver}-floor`].map((name) =>
    require.resolve(`${name}/package.json`),
  )
  const manifest = manifests.find(
    (path) => (require(path) as { version: string }).version === inject('driverVersion'),
  )
  if (manifest === undefined) throw new Error(`This version of ${driver} is not installed.`)
  return dirname(manifest)
}

/** Runs a program until it is over by itself; it is killed after far more than it needs. */
export async function runChild({
  driver,
  program,
  args,
  env = {},
  onLine,
}: ChildOptions): Promise<ChildEnding> {
  const alias = fileURLToPath(new URL('driver-alias.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', alias, fileURLToPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DRIVER: driver,
      DRIVER_FOLDER: folderOf(driver),
      ...env,
    },
  })
  if (onLine !== undefined) createInterface(child.stdout).on('line', onLine)
  const [out, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, said: out.split('\n').filter(Boolean), errors }
}
