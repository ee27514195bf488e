import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import type { Program } from './process-child.ts'
import { threeWays, type Stage } from './three-ways.ts'

const require = createRequire(import.meta.url)

/** Where the version of the driver is that these tests run against; a child knows nothing of the project's alias. */
function driverFolder(): string {
  const manifests = ['pg', 'pg-floor'].map((name) => require.resolve(`${name}/package.json`))
  const manifest = manifests.find(
    (path) => (require(path) as { version: string }).version === inject('pgVersion'),
  )
  if (manifest === undefined) throw new Error('This version of pg is not installed.')
  return dirname(manifest)
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

/** Runs a program to its end; one that does not end is killed, and its exit code is null. */
async function run(
  way: string,
  program: Program,
  { account }: Stage,
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; said: string[]; errors: string }> {
  const child = spawn(
    process.execPath,
    ['--import', here('pg-alias.ts'), here('process-child.ts'), way, program],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 50_000,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PG_FOLDER: driverFolder(),
        CHILD_USER: account.user,
        CHILD_PASSWORD: account.password,
        ...env,
      },
    },
  )
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (output.out += String(chunk)))
  child.stderr.on('data', (chunk) => (output.err += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said: output.out.split('\n').filter(Boolean), errors: output.err }
}

threeWays((way, stage) => {
  const name = way.rotates ? 'rotating' : way.name.startsWith('stock') ? 'stock' : 'plain'

  test.each<[Program, string[]]>([
    ['unused', ['a pool of 10']],
    ['ended', ['ended']],
    ['refused', ['refused', 'refused']],
    ['client', ['ended']],
    ['abandoned', ['abandoned']],
  ])('nothing keeps a process alive: %s', async (program, said) => {
    expect(await run(name, program, stage)).toEqual({ code: 0, said, errors: '' })
  })

  test('an idle pool keeps the process until its idle timeout', async () => {
    expect(await run(name, 'idle', stage)).toEqual({
      code: 0,
      said: ['first', 'second', 'removed'],
      errors: '',
    })
  })

  test('an idle pool with allowExitOnIdle does not', async () => {
    expect(await run(name, 'idle', stage, { CHILD_ALLOW_EXIT: '1' })).toEqual({
      code: 0,
      said: ['first', 'second'],
      errors: '',
    })
  })
})
