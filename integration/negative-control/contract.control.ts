// The contract against a pool that is wrong: not a test of the project, but what a test of it runs.

import { beforeEach, inject } from 'vitest'
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

beforeEach(({ task, skip }) => {
  const name = task.fullTestName.replaceAll(' > ', ' ')
  skip(expected.includes(name) !== (inject('half') === 'failing'))
})

rotationContract({ ...adapter, openPool: wrongPools[inject('wrongPool')] })
