import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cacheTimings, poolTimings, type CacheTimings } from '../src/budget.ts'
import { createCredentials, fromFunction, RekeyError, type SourceDefaults } from '../src/index.ts'
import { holds } from './property.ts'

function refusalOf(build: () => unknown): RekeyError {
  try {
    build()
  } catch (error) {
    if (error instanceof RekeyError) return error
    throw error
  }
  throw new Error('this should have been refused')
}

const load = fromFunction(() => ({ user: 'app', password: 'pw' }))

test('an overlap that nobody gave is an error, never a guess', () => {
  const error = refusalOf(() => createCredentials(load))
  expect(error).toMatchObject({ code: 'ERR_REKEY_BUDGET', option: 'overlap', given: 'nothing' })
  expect(error.message).toContain('Nothing can guess it')
})

test('the window comes from the source where the user gives none, and the user overrides it', () => {
  const preset = { overlap: 900_000, ttl: 60_000, loadDeadline: 2_000 }
  const source = fromFunction(() => ({ user: 'app', password: 'pw' }), { defaults: preset })
  expect(createCredentials(source).timings).toMatchObject(preset)
  expect(createCredentials(source, { ttl: 30_000 }).timings).toMatchObject({
    ...preset,
    ttl: 30_000,
  })
})

test('everything else derives from the overlap', () => {
  expect(cacheTimings({ overlap: 60_000 })).toEqual({
    overlap: 60_000,
    ttl: 15_000,
    jitter: 0.1,
    loadDeadline: 3_000,
    loginDeadline: 3_000,
  })
  expect(cacheTimings({ overlap: 24 * 3_600_000 })).toMatchObject({
    ttl: 300_000,
    loadDeadline: 10_000,
    loginDeadline: 5_000,
  })
})

// 100 s of window: 40 + 4 + 10 + 6 are the cache's, and 30 + 9 the pool's. Each term in turn takes the last second.
const fits = {
  overlap: 100_000,
  ttl: 40_000,
  jitter: 0.1,
  loadDeadline: 10_000,
  loginDeadline: 6_000,
}
const pool = { spread: 30_000, drainDeadline: 9_000 }

test('a sum just below the overlap fits', () => {
  expect(poolTimings(cacheTimings(fits), pool)).toEqual(pool)
})

test.each([
  ['ttl', { ttl: 41_000 }, {}],
  ['jitter', { jitter: 0.125 }, {}],
  ['loadDeadline', { loadDeadline: 11_000 }, {}],
  ['loginDeadline', { loginDeadline: 7_000 }, {}],
  ['spread', {}, { spread: 31_000 }],
  ['drainDeadline', {}, { drainDeadline: 10_000 }],
])('%s counts: a second more of it no longer fits', (_term, cache, more) => {
  const error = refusalOf(() =>
    poolTimings(cacheTimings({ ...fits, ...cache }), { ...pool, ...more }),
  )
  expect(error.code).toBe('ERR_REKEY_BUDGET')
})

test('the error prints the sum term by term', () => {
  const error = refusalOf(() => createCredentials(load, { overlap: 60_000, ttl: 60_000 }))
  expect(error).toMatchObject({
    code: 'ERR_REKEY_BUDGET',
    option: 'ttl',
    given: '72000 ms in all',
    allowed: 'below overlap (60000 ms)',
  })
  expect(error.message).toMatchInlineSnapshot(`
    "The timings take 72000 ms, which must be below the overlap window of 60000 ms (old credentials would stop before the last connection has changed):
      ttl           60000
      jitter        6000
      loadDeadline  3000
      loginDeadline 3000
      sum           72000
    Lower a term, or let the store keep the old credentials longer."
  `)
})

test('the error of a pool prints its terms too', () => {
  const error = refusalOf(() =>
    poolTimings(cacheTimings(fits), { spread: 30_000, drainDeadline: 20_000 }),
  )
  expect(error.message).toMatchInlineSnapshot(`
    "The timings take 110000 ms, which must be below the overlap window of 100000 ms (old credentials would stop before the last connection has changed):
      ttl           40000
      jitter        4000
      loadDeadline  10000
      loginDeadline 6000
      spread        30000
      drainDeadline 20000
      sum           110000
    Lower a term, or let the store keep the old credentials longer."
  `)
  expect(error.option).toBe('rotation.spread')
})

test('without a window the wait at login has to bridge a load', () => {
  const error = refusalOf(() => createCredentials(load, { overlap: 0 }))
  expect(error).toMatchObject({ code: 'ERR_REKEY_BUDGET', option: 'loginDeadline' })
  expect(error.message).toMatchInlineSnapshot(`
    "With an overlap of 0 ms a refused login must be bridged: loginDeadline is 5000 ms and must be above 10000 ms:
      gap           0
      loadDeadline  10000
      sum           10000"
  `)
  const timings = cacheTimings({ overlap: 0, loginDeadline: 10_001 })
  expect(timings).toMatchObject({ overlap: 0, ttl: 75_000, loginDeadline: 10_001 })
})

test('without a window connections go over at once, and one that is held is not reported at once', () => {
  const timings = cacheTimings({ overlap: 0, loginDeadline: 10_001 })
  expect(poolTimings(timings, {})).toEqual({ spread: 0, drainDeadline: 300_000 })
})

test('a negative window is a gap, and is bridged on top of a load', () => {
  const gap = { overlap: -60_000, ttl: 60_000, loadDeadline: 5_000 }
  expect(refusalOf(() => cacheTimings({ ...gap, loginDeadline: 65_000 })).allowed).toBe(
    'above 65000 ms',
  )
  expect(cacheTimings({ ...gap, loginDeadline: 65_001 }).loginDeadline).toBe(65_001)
})

const milliseconds = fc.double({ min: 0.001, max: 10_000_000, noNaN: true })
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined })
const given = fc.record({
  overlap: milliseconds,
  ttl: maybe(milliseconds),
  jitter: maybe(fc.double({ min: 0, max: 1, noNaN: true })),
  loadDeadline: maybe(milliseconds),
  loginDeadline: maybe(milliseconds),
})
const givenPool = fc.record({ spread: maybe(milliseconds), drainDeadline: maybe(milliseconds) })

test('what is accepted adds up to less than the overlap, and what adds up to more is refused', () => {
  holds(given, givenPool, (cache, more) => {
    let timings: CacheTimings
    try {
      timings = cacheTimings(cache as SourceDefaults)
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_REKEY_BUDGET' })
      return
    }
    const { ttl, jitter, loadDeadline, loginDeadline, overlap } = timings
    const own = ttl + ttl * jitter + loadDeadline + loginDeadline
    expect(own).toBeLessThan(overlap)
    try {
      const { spread, drainDeadline } = poolTimings(timings, more)
      expect(own + spread + drainDeadline).toBeLessThan(overlap * (1 + Number.EPSILON))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_REKEY_BUDGET' })
      expect(own + (more.spread ?? 0) + (more.drainDeadline ?? 0)).toBeGreaterThanOrEqual(
        overlap * (1 - Number.EPSILON),
      )
    }
  })
})

test('an overlap of any size fits with the defaults alone', () => {
  holds(milliseconds, (overlap) => {
    expect(() => poolTimings(cacheTimings({ overlap }), {})).not.toThrow()
  })
})

test('an overlap that is not a number of milliseconds is refused', () => {
  for (const overlap of [Number.NaN, Infinity, -Infinity, '1h', {}, true]) {
    const error = refusalOf(() => createCredentials(load, { overlap: overlap as number }))
    expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'overlap' })
  }
})
