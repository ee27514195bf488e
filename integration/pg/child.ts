import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
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

/** Where the version of the driver is that these tests run against; a child knows nothing of the project's alias. */
function driverFolder(): string {
  const manifests = ['pg', 'pg-floor'].map((name) => require.resolve(`${name}/package.json`))
  const manifest = manifests.find(
    (path) => (require(path) as { version: string }).version === inject('driverVersion'),
  )
  if (manifest === undefined) throw new Error('This version of pg is not installed.')
  return dirname(manifest)
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

/** Runs a program of this folder until it is over by itself; it is killed after far more than it needs. */
export async function runChild(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<ChildEnding> {
  const child = spawn(process.execPath, ['--import', here('pg-alias.ts'), here(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    env: { ...process.env, NODE_OPTIONS: '', PG_FOLDER: driverFolder(), ...env },
  })
  const [out, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, said: out.split('\n').filter(Boolean), errors }
}
