import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { measure, measureAll } from './measure.ts'
import { reportSimulation } from './report.ts'
import { scenarios } from './scenarios.ts'

const measured = measureAll()

test.each(['started at once', 'started in a rolling deploy'] as const)(
  'a fleet that is %s asks evenly: the peak is at most 1.5 times the mean',
  (name) => {
    const { peaks } = measured[name]
    expect(peaks.steady).toBeLessThanOrEqual(1.5)
  },
)

test('after an outage of 10 minutes the peak is at most 3 times the mean', () => {
  const { peaks } = measured['store down for 10 minutes']
  expect(peaks.after).toBeLessThanOrEqual(3)
})

test('a rotation that is polled is known to 99 % within the TTL', () => {
  const { changed = [], logins } = measured['rotation, polled']
  const { ttl, processes, pool } = scenarios['rotation, polled']
  expect(changed[1]).toBeLessThanOrEqual(ttl)
  expect(changed[2]).toBeLessThanOrEqual(ttl)
  // The pace: each pool replaces its connections over the spread, whatever the others do.
  const pace = (processes * pool.connections * 1_000) / pool.spread
  expect(logins?.first).toBeLessThanOrEqual(pace)
  expect(logins?.later).toBeLessThanOrEqual(pace * 1.15)
})

test('a rotation that is pushed is known to 99 % within 5 seconds, the logins keep the pace, and the fleet asks evenly afterwards', () => {
  const { changed = [], logins, noon } = measured['rotation, pushed']
  const { processes, pool } = scenarios['rotation, pushed']
  expect(changed[1]).toBeLessThanOrEqual(5_000)
  // Also the logins that prove the version, though everybody has heard of it at one moment.
  const pace = (processes * pool.connections * 1_000) / pool.spread
  expect(logins?.first).toBeLessThanOrEqual(pace * 1.15)
  expect(logins?.later).toBeLessThanOrEqual(pace * 1.15)
  const after = noon.slice(16)
  expect(
    Math.max(...after) / (after.reduce((sum, value) => sum + value) / after.length),
  ).toBeLessThan(1.5)
})

test.each([1, 8])(
  'the logins of a push are as many as the pace allows with %d times as many pools, and no more',
  (times) => {
    const { processes: few, pool, ...push } = scenarios['rotation, pushed']
    const processes = (few / 10) * times
    const { logins } = measure({ ...push, processes, pool, duration: 13 * 3_600_000 })
    const pace = (processes * pool.connections * 1_000) / pool.spread
    // What chance adds to a second of 33 logins it does not add to one of 533.
    const most = pace + 5 * Math.sqrt(pace)
    expect(logins?.first).toBeLessThanOrEqual(most)
    expect(logins?.later).toBeLessThanOrEqual(most)
  },
)

test('the page has what the command prints', async () => {
  const printed = reportSimulation(measured).replaceAll(/ +$/gm, '').split('\n\n')
  const page = await readFile(new URL('../../packages/core/FLEET.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```text\n(.*?)\n```/gs)].map(([, block = '']) => block)
  const [figures = '', plots = ''] = blocks
  expect(printed[0]).toBe(figures)
  for (const plot of plots.split('\n\n')) expect(printed).toContain(plot)
})
