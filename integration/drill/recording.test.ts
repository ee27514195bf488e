import { drill, mysql, postgres, Recording, redis } from '@rekey/drill'
import { expect, test } from 'vitest'

test.each([
  { start: postgres, sessions: 6, opens: true },
  { start: mysql, sessions: 6, opens: true },
  // One of them is kept for the subscriber's next connection, and all but that one log in anew where they are.
  { start: redis, sessions: 5, opens: false },
])('$start.name: a rotation can be seen in what the drill tells', async (row) => {
  const { start, sessions, opens } = row
  const recording = new Recording()
  const short = { rotations: 1, rate: 100, max: 6, control: false }
  const onEvent = recording.add.bind(recording)
  await drill({ ...short, target: start(), onEvent })

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
  expect(sum('logins') > sessions).toBe(opens)
  expect(sum('storeRequests')).toBeGreaterThanOrEqual(2)

  const seen = stretches.map(({ generations }) => Object.fromEntries(generations))
  expect(seen).toContainEqual({ 0: sessions })
  expect(seen.at(-1)).toEqual({ 1: expect.any(Number) })
  expect(stretches.some(({ latencyMs: { p99 } }) => p99 !== null)).toBe(true)
})
