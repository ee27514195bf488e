// The contract against a pool that is wrong: not a test of the project, but what a test of it runs.

import { beforeEach, describe, inject } from 'vitest'
import { rotationContract } from '../contract/rotation-contract.ts'
import { adapter } from '../pg/contract-adapter.ts'
import failures from './failures.json' with { type: 'json' }
import { wrongPools, type WrongPoolName } from './wrong-pools.ts'

declare module 'vitest' {
  interface ProvidedContext {
    wrongPool: WrongPoolName
    /** Those that are expected to fail, or all others. */
    half: 'failing' | 'passing'
  }
}

const expected = Object.entries(failures)
  .filter(([, pools]) => pools.includes(inject('wrongPool')))
  .map(([name]) => name)

const run = `${inject('wrongPool')}, ${inject('half')}`

beforeEach(({ task, skip }) => {
  const name = task.fullTestName.replaceAll(' > ', ' ').slice(run.length + 1)
  skip(expected.includes(name) !== (inject('half') === 'failing'))
})

// All runs are in one report, which names a test by its suites.
describe(run, () => {
  rotationContract({ ...adapter, openPool: wrongPools[inject('wrongPool')] })
})
