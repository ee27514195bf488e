/** A source of chance: 0 or more and below 1, as `Math.random`. */
export type Random = () => number

/** How a wait grows: full jitter over `first · 2^failures`, at most `cap`, at least `floor`. Milliseconds. */
export interface Backoff {
  first: number
  cap: number
  floor: number
}

/** After a failure of what comes before or beside the refreshes: 250 ms, doubling up to a minute, for ever. */
export const refreshBackoff: Backoff = { first: 250, cap: 60_000, floor: 50 }

/**
 * After a failed refresh: 250 ms, doubling up to two thirds of the TTL, 5 minutes at most, for ever. So a fleet that waits
 * for a store to come back asks it then less than three times as often as on any other day: `integration/fleet`.
 */
export function outageBackoff(ttl: number): Backoff {
  return { ...refreshBackoff, cap: Math.min(300_000, (ttl * 2) / 3) }
}

/** After a refused login: half a second, doubling up to half a minute; never below 250 ms, so that no account is locked by haste. */
export const loginBackoff: Backoff = { first: 500, cap: 30_000, floor: 250 }

/**
 * For how many milliseconds an accepted login vouches for those that begin after it, and how long they wait for one that
 * is to show it anew: no longer than before the first retry, so that a dial which hangs costs the others little.
 */
export const proofLasts: number = loginBackoff.floor

/**
 * Milliseconds to wait after the `failures`-th failure in a row (1 is the first).
 * Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffDelay(failures: number, backoff: Backoff, random: Random): number {
  // 2^1023 is the last finite power; the cap is reached long before.
  const ceiling = Math.min(backoff.cap, backoff.first * 2 ** Math.min(failures - 1, 64))
  return Math.max(backoff.floor, random() * ceiling)
}

/** The share of a lifetime after which credentials that expire are refreshed at the latest. */
const expiryShare = 0.75

/** A pair that the store hands out expired (or our clock is ahead) is asked for again after this many milliseconds, not in a storm. */
const shortestRefresh = 1_000

/**
 * How long a pair counts as fresh from the moment it was loaded, in milliseconds: the TTL, or three quarters of
 * what its own expiry leaves, whichever is less, and never so little that asking becomes a storm.
 */
export function freshFor(ttl: number, remaining: number | undefined): number {
  if (remaining === undefined) return ttl
  return Math.min(ttl, Math.max(shortestRefresh, remaining * expiryShare))
}

/**
 * Milliseconds from a load until the next one: ahead of the end of freshness, by up to `jitter` of it, so that
 * processes which started together drift apart.
 */
export function nextRefresh(fresh: number, jitter: number, random: Random): number {
  return fresh * (1 - jitter * random())
}

/**
 * The same after a load that was not on schedule: the first, one that was forced or pushed, one after an outage. Those
 * happen to a whole fleet at one moment, so the next comes at any moment of what it would otherwise wait, and the fleet
 * asks evenly from then on. Without jitter nobody wants that.
 */
export function firstRefresh(fresh: number, jitter: number, random: Random): number {
  return nextRefresh(fresh, jitter, random) * (jitter === 0 ? 1 : random())
}

/**
 * Milliseconds from a load until the next one where the store has said that it changes the pair in `left` milliseconds:
 * after that by up to `jitter` of the TTL, so that a fleet which knows the same moment does not ask at the same moment.
 * Where the store is late it is not asked in a storm either.
 */
export function afterChange(left: number, ttl: number, jitter: number, random: Random): number {
  return Math.max(shortestRefresh, left + ttl * jitter * random())
}

/** When a snapshot was loaded, by both clocks, and how long it is trusted. */
export interface Freshness {
  /** Monotonic time of the load. */
  loadedAt: number
  /** Wall time of the load. */
  loadedAtWall: number
  /** Milliseconds from {@link freshFor}. */
  freshFor: number
}

/**
 * Whether a snapshot is still fresh. Either clock may end it: the monotonic one stands still while a laptop sleeps,
 * the wall clock can be set back. A wall clock that was set back proves nothing, so it is not asked then.
 */
export function isFresh(freshness: Freshness, now: number, wall: number): boolean {
  return (
    now - freshness.loadedAt < freshness.freshFor &&
    wall - freshness.loadedAtWall < freshness.freshFor
  )
}

/**
 * The same snapshot's freshness while its refresh is under way: longer by the load deadline, which the overlap budget
 * has counted. So a login waits for no store that is merely slow.
 */
export function untilAnswered(freshness: Freshness, loadDeadline: number): Freshness {
  return { ...freshness, freshFor: freshness.freshFor + loadDeadline }
}

/** The turns that a pool's connections have to be replaced: `length` milliseconds each, the first at a moment of its own. */
export interface Turns {
  readonly firstAt: number
  readonly length: number
}

/**
 * A pool's turns from the moment on at which a push told of a version. The login that proves it takes the first one: where a
 * whole fleet is told at one moment, its logins keep the pace too, whatever the number of pools.
 */
export function turnsFrom(now: number, spread: number, count: number, random: Random): Turns {
  const length = spread / Math.max(1, count)
  return { firstAt: now + length * random(), length }
}

/** What {@link nextReplacement} goes by: when the last one was, and by when all are to be over. */
export interface Replacements {
  readonly lastAt: number
  readonly spreadEnd: number
}

/** The pace once a version was proven on the first of its turns, or earlier by somebody who did not wait for it. */
export function paceOfTurns(
  provenAt: number,
  spread: number,
  { firstAt, length }: Turns,
): Replacements {
  const lastAt = provenAt < firstAt ? firstAt - length : provenAt
  return { lastAt, spreadEnd: Math.max(provenAt, firstAt) + spread - length }
}

/**
 * The pace where a version was proven at once. The replacements come earlier than the last moments of their turns, by as much
 * as chance says: pools that prove a version at one moment would else log in at the same moments, each time.
 */
export function paceFrom(
  provenAt: number,
  spread: number,
  count: number,
  random: Random,
): Replacements {
  const lastAt = provenAt - (spread / Math.max(1, count)) * random()
  return { lastAt, spreadEnd: lastAt + spread }
}

/**
 * When the next old connection is due to be replaced: what is left of the spread, shared among what is left to
 * replace. Past the end of the spread the next one is due at once.
 */
export function nextReplacement(lastAt: number, spreadEnd: number, remaining: number): number {
  return lastAt + Math.max(0, spreadEnd - lastAt) / Math.max(1, remaining)
}
