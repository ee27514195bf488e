import { RekeyError } from './errors.ts'
import { duration, invalid, positiveDuration, share } from './options.ts'
import type { SourceDefaults } from './source.ts'

/** The timings of a cache, in milliseconds; every pool that takes its credentials from it derives from them. */
export interface CacheTimings {
  /** How long the previous credentials still log in after new ones are published. */
  readonly overlap: number
  /** How long a loaded pair counts as fresh. */
  readonly ttl: number
  /** Each refresh comes ahead of the TTL by up to this share of it (0 to 1). */
  readonly jitter: number
  /** How long one load may take. */
  readonly loadDeadline: number
  /** How long a connection that was refused may look for credentials that work. */
  readonly loginDeadline: number
}

/** The timings of a pool's rotation, in milliseconds. */
export interface PoolTimings {
  /** Over which time the old connections are replaced, one after the other. */
  readonly spread: number
  /** How long, after the spread, lent connections may still be held before that is reported. */
  readonly drainDeadline: number
}

const minute = 60_000

/** Fills in the timings that were not given, and proves that what a cache alone needs fits into the window. */
export function cacheTimings(given: SourceDefaults, preset: SourceDefaults = {}): CacheTimings {
  const overlap = given.overlap ?? preset.overlap
  if (overlap === undefined) {
    throw new RekeyError(
      'ERR_REKEY_BUDGET',
      'overlap is missing: say for how many milliseconds the previous credentials still log in after new ones ' +
        'are published. Nothing can guess it. Where they stop at once, say 0 and give a loginDeadline that is ' +
        'long enough to bridge the gap.',
      { option: 'overlap', given: 'nothing', allowed: 'a number of milliseconds' },
    )
  }
  if (typeof overlap !== 'number' || !Number.isFinite(overlap)) {
    throw invalid('overlap', overlap, 'a finite number of milliseconds')
  }
  const window = overlap > 0 ? overlap : 5 * minute
  const timings: CacheTimings = Object.freeze({
    overlap,
    ttl: positiveDuration('ttl', given.ttl ?? preset.ttl ?? Math.min(5 * minute, window / 4)),
    jitter: share('jitter', given.jitter ?? preset.jitter ?? 0.1),
    loadDeadline: positiveDuration(
      'loadDeadline',
      given.loadDeadline ?? preset.loadDeadline ?? Math.min(10_000, window / 20),
    ),
    loginDeadline: positiveDuration(
      'loginDeadline',
      given.loginDeadline ?? preset.loginDeadline ?? Math.min(5_000, window / 20),
    ),
  })
  prove(timings, [])
  return timings
}

/** Fills in what a pool's rotation was not given from the rest of the window, and proves the whole sum. */
export function poolTimings(
  cache: CacheTimings,
  given: { spread?: number | undefined; drainDeadline?: number | undefined },
): PoolTimings {
  if (typeof given !== 'object' || given === null) {
    throw invalid('rotation', given, 'an object, such as { spread: 60_000 }')
  }
  const rest = cache.overlap - sum(cacheTerms(cache))
  // Where there is no window there is nothing to spread over: old connections cannot log in again anyway.
  const spread = duration(
    'rotation.spread',
    given.spread ?? Math.min(5 * minute, Math.max(0, rest) / 2),
  )
  // Nor is there a moment by which a held connection should have been given back: it lives on in any case.
  const patience = cache.overlap > 0 ? Math.max(0, rest - spread) / 2 : Infinity
  const drainDeadline = duration(
    'rotation.drainDeadline',
    given.drainDeadline ?? Math.min(5 * minute, patience),
  )
  prove(cache, [
    ['spread', spread],
    ['drainDeadline', drainDeadline],
  ])
  return Object.freeze({ spread, drainDeadline })
}

type Term = [name: string, milliseconds: number]

function cacheTerms(timings: CacheTimings): Term[] {
  return [
    ['ttl', timings.ttl],
    ['jitter', timings.ttl * timings.jitter],
    ['loadDeadline', timings.loadDeadline],
    ['loginDeadline', timings.loginDeadline],
  ]
}

function sum(terms: Term[]): number {
  return terms.reduce((total, [, milliseconds]) => total + milliseconds, 0)
}

function prove(timings: CacheTimings, poolTerms: Term[]): void {
  if (timings.overlap <= 0) return proveBridge(timings)
  const terms = [...cacheTerms(timings), ...poolTerms]
  const total = sum(terms)
  if (total < timings.overlap) return
  const lines = terms.map(([name, milliseconds]) => `  ${name.padEnd(13)} ${milliseconds}`)
  throw new RekeyError(
    'ERR_REKEY_BUDGET',
    `The timings take ${total} ms, which must be below the overlap window of ${timings.overlap} ms ` +
      `(old credentials would stop before the last connection has changed):\n${lines.join('\n')}\n` +
      `  ${'sum'.padEnd(13)} ${total}\nLower a term, or let the store keep the old credentials longer.`,
    {
      option: culprit(timings, poolTerms),
      given: `${total} ms in all`,
      allowed: `below overlap (${timings.overlap} ms)`,
    },
  )
}

// The largest term is the one to lower. A pool's sum is only looked at once its cache's has been found to fit.
function culprit(timings: CacheTimings, poolTerms: Term[]): string {
  const terms =
    poolTerms.length > 0 ? poolTerms : cacheTerms(timings).filter(([name]) => name !== 'jitter')
  const largest = Math.max(...terms.map(([, milliseconds]) => milliseconds))
  const name = terms.findLast(([, milliseconds]) => milliseconds === largest)?.[0] ?? 'overlap'
  return poolTerms.length > 0 ? `rotation.${name}` : name
}

// Without a window no sum can fit. What saves the callers then is the wait at login, so that is what is proven:
// a refused login must outlast the gap and one more load.
function proveBridge(timings: CacheTimings): void {
  const gap = -timings.overlap
  const needed = gap + timings.loadDeadline
  if (timings.loginDeadline > needed) return
  throw new RekeyError(
    'ERR_REKEY_BUDGET',
    `With an overlap of ${timings.overlap} ms a refused login must be bridged: loginDeadline is ` +
      `${timings.loginDeadline} ms and must be above ${needed} ms:\n` +
      `  gap           ${gap}\n  loadDeadline  ${timings.loadDeadline}\n  sum           ${needed}`,
    {
      option: 'loginDeadline',
      given: `${timings.loginDeadline} ms`,
      allowed: `above ${needed} ms`,
    },
  )
}
