import { defineConfig } from 'vitest/config'
import type { WrongPoolName } from './wrong-pools.ts'

const { CONTROL_POOL: wrongPool, CONTROL_HALF: half } = process.env

// A run of its own, since its tests are to fail.
export default defineConfig({
  test: {
    include: ['integration/negative-control/*.control.ts'],
    // Most of what a wrong pool does wrong is to leave somebody waiting: those wait briefly, and together.
    ...(half === 'failing'
      ? { testTimeout: 6_000, sequence: { concurrent: wrongPool !== 'end without waiting' } }
      : { testTimeout: 60_000 }),
    maxConcurrency: 12,
    provide: {
      wrongPool: wrongPool as WrongPoolName,
      half: half as 'failing' | 'passing',
    },
  },
})
