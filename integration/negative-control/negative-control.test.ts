import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import failures from './failures.json' with { type: 'json' }
import { wrongPools, type WrongPoolName } from './wrong-pools.ts'

const names = Object.keys(wrongPools) as WrongPoolName[]
const vitest = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)

interface Results {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

type Half = 'failing' | 'passing'

interface Outcome {
  readonly all: string[]
  readonly passed: string[]
  readonly failed: string[]
}

/**
 * Runs one half of the contract against a wrong pool, in a run of its own. The tests that are expected to pass have the
 * time that they have elsewhere; of those that are expected to fail most do so by waiting in vain, and wait briefly.
 */
async function runContract(pool: WrongPoolName, half: Half): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-control-'))
  const file = join(folder, 'results.json')
  try {
    const config = fileURLToPath(new URL('vitest.config.ts', import.meta.url))
    const run = spawn(
      process.execPath,
      [vitest, 'run', '--config', config, '--reporter=json', `--outputFile=${file}`],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        timeout: 150_000,
        env: {
          ...process.env,
          CONTROL_POOL: pool,
          CONTROL_HALF: half,
          ...(half === 'failing' && { REKEY_TEST_PATIENCE: '3000' }),
        },
      },
    )
    const [, errors] = await Promise.all([text(run.stdout), text(run.stderr), once(run, 'close')])
    const report = await readFile(file, 'utf8').catch(() => {
      throw new Error(`The contract did not run against the pool ${pool}: ${errors}`)
    })
    const { testResults } = JSON.parse(report) as Results
    const results = testResults.flatMap(({ assertionResults }) => assertionResults)
    const named = (...states: string[]): string[] =>
      results
        .filter(({ status }) => states.includes(status))
        .map(({ fullName }) => fullName)
        .toSorted()
    return {
      all: results.map(({ fullName }) => fullName).toSorted(),
      passed: named('passed'),
      failed: named('failed'),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('each wrong pool fails the tests of the contract that it should, and no others', () => {
  test.each(names)('%s', { timeout: 180_000 }, async (pool) => {
    const fails = ([, pools]: [string, string[]]): boolean => pools.includes(pool)
    const tests = Object.entries(failures).toSorted(([a], [b]) => (a < b ? -1 : 1))
    const failing = await runContract(pool, 'failing')
    expect(failing.all).toEqual(tests.map(([name]) => name))
    expect(failing).toMatchObject({ passed: [], failed: tests.filter(fails).map(([name]) => name) })
    const passed = tests.filter((entry) => !fails(entry)).map(([name]) => name)
    expect(await runContract(pool, 'passing')).toMatchObject({ passed, failed: [] })
  })
})

test('no test of the contract is vacuous: each is failed by a wrong pool', () => {
  expect(Object.entries(failures).filter(([, pools]) => pools.length === 0)).toEqual([])
})
