import { drill, Recording } from '@rekey/drill'
import { expect, test } from 'vitest'
import { targets, urlOf } from './shared-server.ts'

test.each([
  { name: 'postgres', sessions: 6 },
  { name: 'mysql', sessions: 6 },
  // One of them is kept for the subscriber's next connection.
  { name: 'redis', sessions: 5 },
] as const)('$name: a rotation can be seen in what the drill tells', async ({ name, sessions }) => {
  const recording = new Recording()
  const short = { rotations: 1, rate: 100, max: 6, control: false }
  const onEvent = recording.add.bind(recording)
  await drill({ ...short, target: targets[name]({ url: await urlOf(name) }), onEvent })

  const [{ run, timeline } = expect.fail('no run')] = recording.runs
  const { marks, stretches, stoppedAtMs = 0 } = timeline
  expect(marks).toEqual([
    { rotation: 1, fromMs: expect.any(Number), toMs: expect.any(Number), drained: true },
  ])
  const [{ fromMs, toMs = NaN } = expect.fail('no rotation')] = marks
  expect(fromMs).toBeLessThan(toMs)
  expect(toMs).toBeLessThan(stoppedAtMs)

  const sum = (what: 'settled' | 'failed' | 'logins' | 'storeRequests', until = Infinity): number =>
    stretches.reduce((all, each) => all + (each.atMs <= until ? each[what] : 0), 0)
  expect(sum('settled')).toBe(run.settled)
  expect(sum('failed')).toBe(0)
  expect(sum('logins', fromMs)).toBe(sessions)
  expect(sum('logins')).toBeGreaterThan(sessions)
  expect(sum('storeRequests')).toBeGreaterThanOrEqual(2)

  const seen = stretches.map(({ generations }) => Object.fromEntries(generations))
  expect(seen).toContainEqual({ 0: sessions })
  // The pool ends while the progress is still told: after that there may be none.
  expect(seen.findLast((of) => Object.keys(of).length > 0)).toEqual({ 1: expect.any(Number) })
  expect(stretches.some(({ latencyMs: { p99 } }) => p99 !== null)).toBe(true)
})

test.each([
  { name: 'postgres', scenario: 'password-only', max: 6 },
  // Only the pool can tell. There are three clients for transactions and streams: two are held over the rotation.
  { name: 'redis', scenario: 'dual-password', max: 10 },
] as const)('$name, $scenario: the generations of one account can be told apart', async (row) => {
  const { name, scenario, max } = row
  const recording = new Recording()
  // The progress is told every 100 ms.
  const pace = { warmUp: 200, steady: 200, queueing: 30, spread: 500, held: 600, trouble: 200 }
  const short = { rotations: 1, rate: 50, max, control: false, scenario, pace }
  const target = targets[name]({ url: await urlOf(name) })
  await drill({ ...short, target, onEvent: recording.add.bind(recording) })
  const stretches = recording.runs[0]?.timeline.stretches ?? []
  const seen = stretches.map(({ generations }) =>
    [...generations.keys()].toSorted((a, b) => a - b).join(),
  )
  expect(seen.filter((now, index) => now !== seen[index - 1]).join(' → ')).toMatch(
    /^(?: → )?0 → 0,1 → 1(?: → )?$/,
  )
})
