import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  backoffDelay,
  freshFor,
  isFresh,
  loginBackoff,
  nextRefresh,
  nextReplacement,
  firstRefresh,
  outageBackoff,
  refreshBackoff,
  paceFrom,
  paceOfTurns,
  turnsFrom,
  untilAnswered,
} from '../src/schedule.ts'
import { holds } from './property.ts'

const milliseconds = fc.double({ min: 0, max: 2 ** 45, noNaN: true })
const positive = fc.double({ min: 1, max: 2 ** 45, noNaN: true })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const failures = fc.integer({ min: 1, max: 1_000_000 })
const backoff = fc.constantFrom(refreshBackoff, loginBackoff)

test('a refresh comes ahead of the end of freshness, by no more than the jitter', () => {
  holds(positive, share, chance, (fresh, jitter, random) => {
    const delay = nextRefresh(fresh, jitter, () => random)
    expect(delay).toBeLessThanOrEqual(fresh)
    expect(delay).toBeGreaterThanOrEqual(fresh * (1 - jitter) * (1 - Number.EPSILON))
  })
})

test('the jitter spreads refreshes over the whole of its share', () => {
  expect(nextRefresh(1_000, 0.1, () => 0)).toBe(1_000)
  expect(nextRefresh(1_000, 0.1, () => 0.5)).toBe(950)
  expect(nextRefresh(1_000, 0.1, () => 0.999_999)).toBeCloseTo(900, 2)
  expect(nextRefresh(1_000, 0, () => 0.999)).toBe(1_000)
})

test('a backoff stays between its floor and its cap, however often it failed', () => {
  holds(failures, backoff, chance, (failed, policy, random) => {
    const delay = backoffDelay(failed, policy, () => random)
    expect(delay).toBeGreaterThanOrEqual(policy.floor)
    expect(delay).toBeLessThanOrEqual(policy.cap)
  })
})

test('a backoff never shrinks with the next failure, for the same chance', () => {
  holds(failures, backoff, chance, (failed, policy, random) => {
    const delay = backoffDelay(failed, policy, () => random)
    expect(backoffDelay(failed + 1, policy, () => random)).toBeGreaterThanOrEqual(delay)
  })
})

function waitAfter(failed: number, random: number): number {
  return backoffDelay(failed, { first: 250, cap: 60_000, floor: 50 }, () => random)
}

test('a backoff has full jitter: any wait from the floor to twice the last one', () => {
  expect([waitAfter(1, 0), waitAfter(1, 0.5), waitAfter(1, 0.9999)]).toEqual([
    50,
    125,
    expect.closeTo(250, 0),
  ])
  expect([waitAfter(4, 0), waitAfter(4, 0.5), waitAfter(4, 0.9999)]).toEqual([
    50,
    1_000,
    expect.closeTo(2_000, 0),
  ])
  expect(waitAfter(1_000, 0.5)).toBe(30_000)
})

test('an outage backs off to two thirds of the TTL, and never to more than 5 minutes', () => {
  expect(outageBackoff(60_000)).toEqual({ ...refreshBackoff, cap: 40_000 })
  expect(outageBackoff(300_000).cap).toBe(200_000)
  expect(outageBackoff(24 * 3_600_000).cap).toBe(300_000)
})

test('after a load that was not on schedule the next one comes before it would have been due, anywhere', () => {
  expect(firstRefresh(100, 0.1, () => 0)).toBe(0)
  expect(firstRefresh(100, 0.2, () => 0.5)).toBe(45)
  expect(firstRefresh(100, 0, () => 0.5)).toBe(100)
})

test('freshness is never longer than the TTL, nor than what the expiry leaves', () => {
  holds(positive, fc.double({ min: -(2 ** 45), max: 2 ** 45, noNaN: true }), (ttl, remaining) => {
    const fresh = freshFor(ttl, remaining)
    expect(fresh).toBeGreaterThan(0)
    expect(fresh).toBeLessThanOrEqual(ttl)
    if (remaining > 2_000) expect(fresh).toBeLessThanOrEqual(remaining)
  })
})

test('credentials that do not expire are fresh for the TTL', () => {
  holds(positive, (ttl) => expect(freshFor(ttl, undefined)).toBe(ttl))
})

test('credentials that are expired on arrival are asked for again after a second, not in a storm', () => {
  expect(freshFor(300_000, 0)).toBe(1_000)
  expect(freshFor(300_000, -3_600_000)).toBe(1_000)
  expect(freshFor(200, -1)).toBe(200)
})

test('credentials that expire within the TTL are refreshed after three quarters of what is left', () => {
  expect(freshFor(900_000, 600_000)).toBe(450_000)
})

test('either clock ends freshness, and none extends it', () => {
  holds(
    positive,
    milliseconds,
    fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    (fresh, age, jump) => {
      const freshness = { loadedAt: 5, loadedAtWall: 2 ** 41, freshFor: fresh }
      const now = 5 + age
      const wall = 2 ** 41 + age + jump
      if (isFresh(freshness, now, wall)) {
        expect(now - 5).toBeLessThan(fresh)
        expect(wall - 2 ** 41).toBeLessThan(fresh)
      } else expect(Math.max(now - 5, wall - 2 ** 41)).toBeGreaterThanOrEqual(fresh)
    },
  )
})

test('a refresh that is under way buys the old snapshot one load deadline and no more', () => {
  const freshness = { loadedAt: 0, loadedAtWall: 0, freshFor: 100 }
  const extended = untilAnswered(freshness, 10)
  expect(isFresh(extended, 109, 109)).toBe(true)
  expect(isFresh(extended, 110, 109)).toBe(false)
  expect(isFresh(extended, 109, 110)).toBe(false)
})

test('replacements share out what is left of the spread, and the last one is due when it ends', () => {
  holds(
    milliseconds,
    milliseconds,
    fc.integer({ min: 1, max: 10_000 }),
    (lastAt, spread, remaining) => {
      const due = nextReplacement(lastAt, lastAt + spread, remaining)
      expect(due).toBeGreaterThanOrEqual(lastAt)
      expect(due).toBeLessThanOrEqual(lastAt + spread)
    },
  )
  expect(nextReplacement(1_000, 11_000, 10)).toBe(2_000)
  expect(nextReplacement(10_000, 11_000, 1)).toBe(11_000)
})

test('past the end of the spread the next replacement is due at once', () => {
  expect(nextReplacement(12_000, 11_000, 5)).toBe(12_000)
  expect(nextReplacement(12_000, 11_000, 0)).toBe(12_000)
})

test('a pool that follows the pace has replaced all when the spread ends', () => {
  holds(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 0, max: 10_000_000 }),
    (old, spread) => {
      let at = 0
      for (let remaining = old; remaining > 0; remaining -= 1)
        at = nextReplacement(at, spread, remaining)
      expect(at).toBeCloseTo(spread, 3)
    },
  )
})

test('the pools of a fleet that proved a version at one moment log in at moments of their own, within the spread', () => {
  expect(paceFrom(1e6, 300_000, 10, () => 0)).toEqual({ lastAt: 1_000_000, spreadEnd: 1_300_000 })
  expect(paceFrom(1e6, 300_000, 10, () => 0.5)).toEqual({ lastAt: 985_000, spreadEnd: 1_285_000 })
  expect(paceFrom(1e6, 300_000, 0, () => 0.5)).toEqual({ lastAt: 850_000, spreadEnd: 1_150_000 })
  expect(paceFrom(1e6, 0, 10, () => 0.5)).toEqual({ lastAt: 1e6, spreadEnd: 1e6 })
})

test('the login that proves a version that was pushed takes the first of the pool’s turns, and all are over within the spread', () => {
  holds(positive, fc.integer({ min: 2, max: 100 }), chance, (spread, count, random) => {
    const turns = turnsFrom(0, spread, count, () => random)
    expect(turns.firstAt).toBeLessThanOrEqual(turns.length)
    const { lastAt, spreadEnd } = paceOfTurns(turns.firstAt, spread, turns)
    expect(lastAt).toBe(turns.firstAt)
    expect(spreadEnd / spread).toBeLessThanOrEqual(1 + 1e-9)
    // Each turn is as long as the first.
    const next = nextReplacement(lastAt, spreadEnd, count - 1)
    expect((next - lastAt) / turns.length).toBeCloseTo(1, 6)
  })
})

test('where somebody has proven the version before that turn, the turn is the first replacement’s', () => {
  const turns = turnsFrom(1_000_000, 300_000, 10, () => 0.5)
  expect(turns).toEqual({ firstAt: 1_015_000, length: 30_000 })
  const { lastAt, spreadEnd } = paceOfTurns(1_001_000, 300_000, turns)
  expect(nextReplacement(lastAt, spreadEnd, 10)).toBe(turns.firstAt)
  // And where the first turn has brought no proof, the others are as far apart all the same.
  const late = paceOfTurns(1_100_000, 300_000, turns)
  expect(nextReplacement(late.lastAt, late.spreadEnd, 9)).toBe(1_130_000)
})
