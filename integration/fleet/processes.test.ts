import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { compare, predict, type FleetRun, type Seen } from './compare.ts'
import { hasPassed, runProcesses, type FleetOutcome } from './processes.ts'
import { reportOutcome } from './report.ts'
import { seeded, simulate } from './simulate.ts'

const known = ['known to 50 %', 'known to 99 %']
const waits = ['5 % of waits below', '50 % of waits below', '95 % of waits below']

test('four processes, two rotations: no request fails, and the outcome has what the simulation says', async () => {
  const postgres = await serverAddress('postgres')
  const outcome = await runProcesses({ processes: 4, rotations: 2, ttl: 1_000, postgres })
  expect(outcome.failures).toEqual([])
  expect(outcome.served).toBeGreaterThanOrEqual(4)
  expect(outcome.noticed.map(({ length }) => length)).toEqual([4, 4])
  const compared = outcome.comparison.map(({ what }) => what)
  expect(compared).toEqual([...known, ...waits])
})

/** As large as the one whose figures are on the page. */
const run: FleetRun = {
  ...{ processes: 200, ttl: 20_000, jitter: 0.1, started: 60_000 },
  ...{ published: [61_000, 85_000, 108_000, 132_000, 156_000], over: 175_000 },
}
const predictions = predict(run)

/** What would be seen of it if its processes kept to another schedule, or learned of a rotation later. */
function see({ ttl = run.ttl, jitter = run.jitter, late = 0 } = {}): Seen {
  const { processes, started: startedOver, published, over } = run
  const asked = Array.from({ length: processes }, (): number[] => [])
  const rotations = published.map((at) => ({ at }))
  const pool = { connections: 1, spread: 0 }
  const fleet = { processes, ttl, jitter, startedOver, rotations, pool, duration: over + ttl }
  const { noticed } = simulate(fleet, seeded(700), (number, at) => asked[number]!.push(at))
  return { asked, noticed: noticed.map((times) => times.map((time) => time + late)) }
}

test.each([
  ['as it should', {}, []],
  ['with a TTL that is a fifth longer', { ttl: 24_000 }, [...known, ...waits]],
  ['with a TTL that is a fifth shorter', { ttl: 16_000 }, [...known, ...waits]],
  ['with a jitter that is a fifth larger', { jitter: 0.12 }, ['5 % of waits below']],
  ['with a jitter that is a fifth smaller', { jitter: 0.08 }, ['5 % of waits below']],
  ['and learns of it a second late', { late: 1_000 }, ['known to 99 %']],
])('a fleet that polls %s is told as such', (_how, schedule, off) => {
  const comparison = compare(run, see(schedule), predictions)
  const found = comparison.filter(({ isPredicted }) => !isPredicted).map(({ what }) => what)
  expect(found).toEqual(expect.arrayContaining(off))
  expect(found.length > 0).toBe(off.length > 0)
})

/** What came of such a fleet, and of requests that failed. */
function outcomeOf(seen: Seen, failures: string[]): FleetOutcome {
  const comparison = compare(run, seen, predictions)
  return { served: 1, refusedLogins: 0, failures, noticed: seen.noticed, comparison }
}

test('a request that failed, and a prediction that is off, each fail the run', () => {
  expect(hasPassed(outcomeOf(see(), []))).toBe(true)
  expect(hasPassed(outcomeOf(see(), ['refused']))).toBe(false)
  expect(hasPassed(outcomeOf(see({ ttl: 24_000 }), []))).toBe(false)
})

/** A line without its figures. */
function shapeOf(line: string): string {
  const text = line.trim().replaceAll(/\d+(\.\d+)?/g, '#')
  return text.replaceAll(/ +/g, ' ')
}

test('the page has lines that the command prints, of a run that was predicted', async () => {
  const shapes = reportOutcome(outcomeOf(see(), [])).split('\n').map(shapeOf)
  const page = await readFile(new URL('../../packages/core/FLEET.md', import.meta.url), 'utf8')
  const [, , figures = ''] = [...page.matchAll(/```text\n(.*?)\n```/gs)].map(([, block]) => block)
  expect(figures.split('\n').map(shapeOf)).toEqual(shapes)
})
