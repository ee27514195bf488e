import { expect, test } from 'vitest'
import { sessionsOf, Timeline } from '../src/timeline.ts'
import { aProgress } from './a-report.ts'

test('what is counted from the beginning becomes what happened in each stretch', () => {
  const timeline = new Timeline()
  timeline.add(aProgress({ atMs: 100, started: 50, settled: 40, failed: 0, logins: 5 }))
  timeline.add(aProgress({ atMs: 200, started: 90, settled: 70, failed: 3, logins: 7 }))
  expect(timeline.stretches).toMatchObject([
    { atMs: 100, settled: 40, failed: 0, open: 10, logins: 5 },
    { atMs: 200, settled: 30, failed: 3, open: 20, logins: 2 },
  ])
})

test('a rotation is marked from its beginning, and to its end once that is known', () => {
  const timeline = new Timeline()
  const which = { pool: 'rekey', rotation: 1 } as const
  timeline.add({ type: 'rotating', ...which, atMs: 1_000 })
  expect(timeline.marks).toEqual([{ rotation: 1, fromMs: 1_000, toMs: undefined, drained: false }])
  const rest = { rotations: 3, tookMs: 900, oldSessions: 0, settled: 1, failed: 0 }
  timeline.add({ type: 'rotated', ...which, ...rest, drained: true, atMs: 1_900 })
  expect(timeline.marks).toEqual([{ rotation: 1, fromMs: 1_000, toMs: 1_900, drained: true }])
})

test('a long drill keeps a bounded number of stretches, loses no count and shows the worse of two', () => {
  const timeline = new Timeline(8)
  const reports = 1_003
  for (let index = 1; index <= reports; index += 1) {
    const latency = index === 500 ? 77 : 1
    const counts = { started: index * 10, settled: index * 10, logins: index, storeRequests: index }
    const generations = new Map([[0, index === 700 ? 21 : 20]])
    const latencyMs = { p50: latency, p99: latency, max: latency }
    timeline.add(aProgress({ atMs: index * 100, ...counts, failed: index, generations, latencyMs }))
    expect(timeline.stretches.length).toBeLessThanOrEqual(8)
  }
  const { stretches } = timeline
  expect(stretches.length).toBeGreaterThanOrEqual(4)
  expect(stretches.at(-1)?.atMs).toBe(reports * 100)
  const sums = { settled: 0, failed: 0, logins: 0, storeRequests: 0 }
  for (const stretch of stretches) {
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += stretch[name]
  }
  expect(sums).toEqual({ settled: 10_030, failed: 1_003, logins: 1_003, storeRequests: 1_003 })
  expect(Math.max(...stretches.map(({ latencyMs }) => latencyMs.p99 ?? 0))).toBe(77)
  expect(Math.max(...stretches.map(sessionsOf))).toBe(21)
})

test('a stretch in which nothing settled has no latency, and takes that of the one it is joined with', () => {
  const timeline = new Timeline(2)
  const none = { p50: null, p99: null, max: null }
  const some = { p50: 1, p99: 2, max: 3 }
  for (const latencyMs of [none, some]) timeline.add(aProgress({ latencyMs }))
  expect(timeline.stretches.map(({ latencyMs }) => latencyMs)).toEqual([some])
  timeline.add(aProgress({ latencyMs: none }))
  expect(timeline.stretches.at(-1)?.latencyMs).toEqual(none)
})
