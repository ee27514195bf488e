import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import failures from './failures.json' with { type: 'json' }
import { wrongPools, type WrongPoolName } from './wrong-pools.ts'

const names = Object.keys(wrongPools) as WrongPoolName[]
const vitest = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)

interface Results {
  readonly testResults: readonly { readonly assertionResults: readonly Result[] }[]
}

interface Result {
  readonly fullName: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

/** Runs the contract against all wrong pools, each in two halves, in a run of its own. */
async function runContract(): Promise<Result[]> {
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
      },
    )
    const [, errors] = await Promise.all([text(run.stdout), text(run.stderr), once(run, 'close')])
    const report = await readFile(file, 'utf8').catch(() => {
      throw new Error(`The contract did not run against the wrong pools: ${errors}`)
    })
    const { testResults } = JSON.parse(report) as Results
    return testResults.flatMap(({ assertionResults }) => assertionResults)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

let results: Result[]

beforeAll(async () => {
  results = await runContract()
}, 600_000)

/** What became of each test in one half of the contract, by its name. */
function outcomes(pool: WrongPoolName, half: 'failing' | 'passing'): Record<string, string> {
  const run = `${pool}, ${half} `
  const ofRun = results.filter(({ fullName }) => fullName.startsWith(run))
  return Object.fromEntries(
    ofRun.map(({ fullName, status, failureMessages }) => [
      fullName.slice(run.length),
      // Why one failed is asked of those alone that should not.
      half === 'passing' && status === 'failed' ? failureMessages.join('\n') : status,
    ]),
  )
}

describe('each wrong pool fails the tests of the contract that it should, and no others', () => {
  test.each(names)('%s', (pool) => {
    const expected = (mine: string, others: string): Record<string, string> =>
      Object.fromEntries(
        Object.entries(failures).map(([name, pools]) => [
          name,
          pools.includes(pool) ? mine : others,
        ]),
      )
    expect(outcomes(pool, 'failing')).toEqual(expected('failed', 'skipped'))
    expect(outcomes(pool, 'passing')).toEqual(expected('skipped', 'passed'))
  })
})

test('no test of the contract is vacuous: each is failed by a wrong pool', () => {
  expect(Object.entries(failures).filter(([, pools]) => pools.length === 0)).toEqual([])
})
