import { askSource } from './ask-source.ts'
import { cacheTimings, type CacheTimings } from './budget.ts'
import type { Change, CredentialsCache, CredentialsOptions } from './cache.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { publish, report } from './diagnostics.ts'
import { RekeyError } from './errors.ts'
import { ForcedRefresh } from './forced-refresh.ts'
import { InUse } from './in-use.ts'
import { RefreshTimer } from './refresh-timer.ts'
import {
  afterChange,
  backoffDelay,
  freshFor,
  isFresh,
  firstRefresh,
  nextRefresh,
  outageBackoff,
  untilAnswered,
  type Freshness,
  type Random,
} from './schedule.ts'
import type { Source } from './source.ts'
import { watchSource } from './watch-source.ts'

const brand: unique symbol = Symbol.for('rekey.credentials')

/** Whether a value is a cache, of this copy of the package or another. */
export function isCredentialsCache(value: unknown): value is CredentialsCache {
  return typeof value === 'object' && value !== null && brand in value
}

/** The one implementation of {@link CredentialsCache}. */
export function refreshingCache(source: Source, options: CredentialsOptions): CredentialsCache {
  return new RefreshingCache(source, options)
}

class RefreshingCache implements CredentialsCache {
  readonly [brand] = true
  readonly timings: CacheTimings
  readonly clock: Clock
  readonly random: Random
  readonly source: string
  readonly #source: Source
  readonly #inUse: InUse
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #lifetime = new AbortController()
  readonly #refreshTimer: RefreshTimer
  readonly #forced: ForcedRefresh
  #freshness: Freshness | undefined
  #flight: Promise<Credentials> | undefined
  #queued: Promise<Credentials> | undefined
  #pause: Promise<void> | undefined
  #urgent = false
  /** Whether the store has said that it is worth asking. */
  #isPushed = false
  #failures = 0
  /** Whether the next load comes when it was to come. */
  #isOnSchedule = false
  #watching = false
  #closed = false

  constructor(source: Source, options: CredentialsOptions) {
    this.timings = cacheTimings(options, source.defaults)
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? Math.random
    this.source = source.name
    this.#source = source
    this.#inUse = new InUse(source.name)
    this.#refreshTimer = new RefreshTimer(
      this.clock,
      () => this.#failures === 0 && this.fresh() === undefined,
      () => {
        this.#isOnSchedule = true
        this.#inBackground(this.#load())
      },
    )
    this.#forced = new ForcedRefresh(this.clock, this.timings.ttl, () =>
      this.#inBackground(this.#loadAfresh()),
    )
  }

  get current(): Credentials | undefined {
    return this.#inUse.current
  }

  fresh(): Credentials | undefined {
    const freshness = this.#freshness
    if (freshness === undefined) return undefined
    if (isFresh(freshness, this.clock.now(), this.clock.wall())) return this.#inUse.current
    return undefined
  }

  async get(): Promise<Credentials> {
    if (this.#closed) throw closed()
    const fresh = this.fresh()
    if (fresh !== undefined) return fresh
    const last = this.#inUse.current
    if (last === undefined) {
      return this.#awaited(this.#firstLoad()).catch((error: unknown) => {
        // Another load may have brought the first pair in the meantime.
        if (this.#inUse.current === undefined) throw error
        return this.#inUse.current
      })
    }
    // The store is failing and every try has its time: nobody waits for what is known to fail.
    if (this.#failures > 0 || this.#isBeingRefreshed(last)) return last
    return this.#awaited(this.#load()).catch(() => this.#inUse.current ?? last)
  }

  async refresh(options: { urgent?: boolean } = {}): Promise<Credentials> {
    if (this.#closed) throw closed()
    if (options.urgent) this.#urgent = true
    return this.#awaited(this.#loadAfresh())
  }

  invalidate(version: string): void {
    if (this.#closed || !this.#inUse.refuse(version)) return
    // In the meantime an answer may settle it.
    this.#forced.ask(() => this.#inUse.refused !== undefined)
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#refreshTimer.cancel()
    this.#forced.cancel()
    this.#listeners.clear()
    this.#lifetime.abort(closed())
    await this.#flight?.catch(() => {})
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Whether the refresh that will replace the snapshot was begun in good time and has some left. */
  #isBeingRefreshed({ expiresAt = Infinity }: Credentials): boolean {
    if (this.#flight === undefined || this.#freshness === undefined) return false
    const wall = this.clock.wall()
    const freshness = untilAnswered(this.#freshness, this.timings.loadDeadline)
    return wall < expiresAt && isFresh(freshness, this.clock.now(), wall)
  }

  /** Without last good credentials callers have to wait; a store that fails at once is still not asked in a loop. */
  async #firstLoad(): Promise<Credentials> {
    if (this.#flight === undefined && this.#failures > 0) {
      this.#pause ??= this.#sleep(this.#forced.wait)
      await this.#pause
      this.#pause = undefined
      if (this.#closed) throw closed()
      if (this.#inUse.current !== undefined) return this.#inUse.current
    }
    if (this.#flight === undefined) this.#forced.count()
    return this.#load()
  }

  /** Waits for somebody who waits for us. Ends early when another load has brought a pair, or the cache is closed. */
  #sleep(delay: number): Promise<void> {
    if (delay <= 0) return Promise.resolve()
    const { signal } = this.#lifetime
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', wake)
        unsubscribe()
        resolve()
      }
      const timer = this.clock.after(delay, wake, { keepAlive: true })
      const unsubscribe = this.subscribe(wake)
      signal.addEventListener('abort', wake)
    })
  }

  /** Somebody waits for this: then, and only then, the process must not end under it. */
  async #awaited(answer: Promise<Credentials>): Promise<Credentials> {
    const hold = this.clock.after(Infinity, () => {}, { keepAlive: true })
    try {
      return await answer
    } finally {
      hold.cancel()
    }
  }

  // Every failure is reported where it happens; here the promise has no caller to tell.
  #inBackground(flight: Promise<unknown>): void {
    flight.catch(() => {})
  }

  /** A load that starts after this call: a flight that is already under way may bring the answer from before. */
  #loadAfresh(): Promise<Credentials> {
    if (this.#flight === undefined) return this.#load()
    this.#queued ??= this.#flight
      .catch(() => {})
      .then(() => {
        this.#queued = undefined
        if (this.#closed) throw closed()
        return this.#load()
      })
    return this.#queued
  }

  #load(): Promise<Credentials> {
    // Before the flight, since a watch may call back at once.
    this.#watch()
    this.#flight ??= this.#fly().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #fly(): Promise<Credentials> {
    this.#refreshTimer.cancel()
    const { refused } = this.#inUse
    // Who says urgent while a load is under way means the answer to the next one.
    const urgent = this.#urgent
    this.#urgent = false
    const pushed = this.#isPushed
    this.#isPushed = false
    const onSchedule = this.#isOnSchedule
    this.#isOnSchedule = false
    const startedAt = this.clock.now()
    const startedAtWall = this.clock.wall()
    try {
      const loaded = await askSource(this.#source, {
        deadline: this.timings.loadDeadline,
        clock: this.clock,
        signal: this.#lifetime.signal,
      })
      if (this.#closed) throw closed()
      const current = this.#accept(loaded, refused, { urgent, pushed })
      // Counted from the question, not the answer: what changed while the store was answering is older than it.
      const { expiresAt } = current
      const remaining = expiresAt === undefined ? undefined : expiresAt - startedAtWall
      this.#freshness = {
        loadedAt: startedAt,
        loadedAtWall: startedAtWall,
        freshFor: freshFor(this.timings.ttl, remaining),
      }
      const { ttl, jitter } = this.timings
      const next = onSchedule && this.#failures === 0 ? nextRefresh : firstRefresh
      const delay = next(this.#freshness.freshFor, jitter, this.random)
      this.#failures = 0
      const { changesAt } = loaded
      const change =
        changesAt === undefined
          ? Infinity
          : afterChange(changesAt - startedAtWall, ttl, jitter, this.random)
      this.#schedule(Math.min(delay, change) - (this.clock.now() - startedAt))
      return current
    } catch (error) {
      if (this.#closed) throw closed()
      this.#urgent ||= urgent
      this.#isPushed ||= pushed
      this.#failed(error)
      throw error
    }
  }

  /** Gives back what is in use then. */
  #accept(
    loaded: Credentials,
    refused: string | undefined,
    how: Pick<Change, 'urgent' | 'pushed'>,
  ): Credentials {
    const previous = this.current
    const fate = this.#inUse.accept(loaded, refused, how.urgent)
    if (fate === 'ignored') this.#urgent ||= how.urgent
    // A rotation that is under way may have to hurry.
    else if (fate === 'taken up' || how.urgent)
      this.#tell({ credentials: loaded, previous, ...how })
    return this.current ?? loaded
  }

  #tell(change: Change): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (error) {
        // One subscriber's fault is not the store's, and not the other pools'.
        process.emitWarning(
          `A subscriber of the credentials failed. ${String(error)}`,
          'RekeyWarning',
        )
      }
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1
    const retryIn = backoffDelay(this.#failures, outageBackoff(this.timings.ttl), this.random)
    // Before the first good load there is nothing to keep fresh: the next caller asks again.
    if (this.#inUse.current !== undefined) this.#schedule(retryIn)
    const message = {
      source: this.source,
      error,
      failures: this.#failures,
      retryIn,
      serving: this.#inUse.current?.version,
    }
    if (this.#failures > 1 || this.#inUse.current === undefined)
      publish('rekey:refresh-error', message)
    else {
      report(
        'rekey:refresh-error',
        message,
        `The source ${this.source} could not be refreshed; the last good credentials keep serving. ` +
          `It is tried again with backoff. ${String(error)}`,
      )
    }
  }

  #schedule(delay: number): void {
    // A subscriber may have closed us while it was told.
    if (!this.#closed) this.#refreshTimer.set(delay)
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    watchSource(this.#source, {
      signal: this.#lifetime.signal,
      clock: this.clock,
      serving: () => this.#inUse.current?.version,
      onChange: () => this.#pushed(),
    })
  }

  // A push is a hint: the store is asked. Pushes during a flight ask once more after it.
  #pushed(): void {
    if (this.#closed) return
    this.#isPushed = true
    this.#inBackground(this.#loadAfresh())
  }
}

function closed(): RekeyError {
  return new RekeyError(
    'ERR_REKEY_CLOSED',
    'The credentials cache is closed; create a new one, or close it after the last pool has ended.',
    { option: 'credentials', given: 'a closed cache', allowed: 'an open one' },
  )
}
