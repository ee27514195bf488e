import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { compare, type Observed } from './compare.ts'
import { hasPassed, runProcesses, type FleetOutcome } from './processes.ts'
import { seeded } from './simulate.ts'

test('four processes, two rotations: no request fails, and the outcome has what the simulation says', async () => {
  const postgres = await serverAddress('postgres')
  const outcome = await runProcesses({ processes: 4, rotations: 2, push: 500, postgres })
  expect(outcome.failures).toEqual([])
  expect(outcome.served).toBeGreaterThanOrEqual(4 * 3)
  expect(outcome.rotations.map(({ length }) => length)).toEqual([4, 4])
  const compared = { measured: expect.any(Number) as number, latest: expect.any(Number) as number }
  expect(outcome.comparison).toMatchObject([
    { share: 0.5, ...compared },
    { share: 0.99, ...compared },
  ])
})

/** Two rotations of a fleet of which each process asks at a moment of its own, and `late` milliseconds later. */
function observe(late: number, busy: number): Observed {
  const random = seeded(7)
  const rotation = () => Array.from({ length: 50 }, () => random() * 2_000 + late)
  return { processes: 50, push: 2_000, rotations: [rotation(), rotation()], busy }
}

test.each([
  ['as simulated', 0, 0, true],
  ['late, while no processor was busy', 800, 0, false],
  ['late, while processors were busy for as long', 800, 800, true],
  ['later than processors were busy', 1_600, 800, false],
  ['early', -400, 2_000, false],
])('a fleet that learns of it %s is told as such', (_how, late, busy, isPredicted) => {
  const comparison = compare(observe(late, busy))
  expect(comparison.every((one) => one.isPredicted)).toBe(isPredicted)
})

test('a request that failed, and a prediction that is off, each fail the run', () => {
  const rest = { served: 1, refusedLogins: 0, busy: 0 }
  const outcome = (late: number, failures: string[]): FleetOutcome => {
    const { rotations } = observe(late, 0)
    return { ...rest, failures, rotations, comparison: compare(observe(late, 0)) }
  }
  expect(hasPassed(outcome(0, []))).toBe(true)
  expect(hasPassed(outcome(0, ['refused']))).toBe(false)
  expect(hasPassed(outcome(800, []))).toBe(false)
})
