import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { compare, type Observed } from './compare.ts'
import { hasPassed, runProcesses, type FleetOutcome } from './processes.ts'
import { reportOutcome } from './report.ts'
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

/** What came of such a fleet, and of requests that failed. */
function outcomeOf(late: number, failures: string[]): FleetOutcome {
  const observed = observe(late, 0)
  const { rotations, busy } = observed
  return { served: 1, refusedLogins: 0, failures, rotations, busy, comparison: compare(observed) }
}

test('a request that failed, and a prediction that is off, each fail the run', () => {
  expect(hasPassed(outcomeOf(0, []))).toBe(true)
  expect(hasPassed(outcomeOf(0, ['refused']))).toBe(false)
  expect(hasPassed(outcomeOf(800, []))).toBe(false)
})

/** A line without its figures. */
function shapeOf(line: string): string {
  const text = line.trim().replaceAll(/\d+(\.\d+)?/g, '#')
  return text.replaceAll(/ +/g, ' ')
}

test('the page has lines that the command prints, of a run that was predicted', async () => {
  const shapes = reportOutcome(outcomeOf(0, [])).split('\n').map(shapeOf)
  const page = await readFile(new URL('../../packages/core/FLEET.md', import.meta.url), 'utf8')
  const [, , run = ''] = [...page.matchAll(/```text\n(.*?)\n```/gs)].map(([, block]) => block)
  for (const line of run.split('\n')) expect(shapes).toContain(shapeOf(line))
})
