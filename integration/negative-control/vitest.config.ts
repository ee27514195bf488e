import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import failures from './failures.json' with { type: 'json' }
import type { WrongPoolName } from './wrong-pools.ts'

const names = [...new Set(Object.values(failures).flat())] as WrongPoolName[]

const common = { include: ['integration/negative-control/*.control.ts'] }

/**
 * The tests that are expected to fail. Most of them do so by waiting in vain for what a wrong pool never does: they wait
 * briefly, and together.
 */
function failing(wrongPool: WrongPoolName): TestProjectInlineConfiguration {
  return {
    test: {
      ...common,
      name: `${wrongPool}, failing`,
      provide: { wrongPool, half: 'failing' },
      env: { REKEY_TEST_PATIENCE: '3000' },
      testTimeout: 8_000,
      maxConcurrency: 12,
      maxWorkers: 3,
      sequence: { groupOrder: 0, concurrent: true },
    },
  }
}

/** All others, with the time that they have elsewhere. */
function passing(wrongPool: WrongPoolName): TestProjectInlineConfiguration {
  return {
    test: {
      ...common,
      name: `${wrongPool}, passing`,
      provide: { wrongPool, half: 'passing' },
      testTimeout: 180_000,
      maxWorkers: 2,
      sequence: { groupOrder: 1 },
    },
  }
}

// A run of its own, since its tests are to fail.
export default defineConfig({
  test: { projects: names.flatMap((name) => [failing(name), passing(name)]) },
})
