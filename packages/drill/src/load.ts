import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { Latency, phaseOf, type Phase } from './latency.ts'
import type { UnitName, Units } from './targets/target.ts'

/** What a load tells of each unit of work. */
export interface LoadObserver {
  served(account: string): void
  /** `begunMs`: when it was started, in milliseconds since the load began. */
  failed(error: unknown, unit: UnitName, begunMs: number): void
}

/** What a request may be. */
export type RequestUnits = Pick<Units, 'query' | 'transaction'>

/** A unit of work that has not come to an end. */
export interface OpenUnit {
  readonly unit: UnitName
  /** When it was started, in milliseconds since the load began. */
  readonly atMs: number
}

/** One start in this many is a transaction, the others are short queries. */
const transactionEvery = 10

/** Milliseconds until a caller that failed comes again. */
const afterFailure = 10

/**
 * Open-loop load: requests start at a fixed rate whatever becomes of those before them, as they do in front of a service.
 * The latency of a short query counts from the moment it was due, so that a stall is seen by everybody whom it would
 * have kept waiting, and not only by the one request that ran into it.
 */
export class Load {
  readonly latency: Latency = new Latency()
  readonly #units: RequestUnits
  readonly #interval: number
  readonly #observer: LoadObserver
  phase: Phase = 'steady'
  started = 0
  settled = 0
  failed = 0
  readonly #open = new Set<OpenUnit>()
  #starts = 0
  #beganAt = 0
  /** When the first of `#starts` was due. */
  #dueFrom = 0
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  /** `rate`: starts per second. */
  constructor(units: RequestUnits, rate: number, observer: LoadObserver) {
    this.#units = units
    this.#interval = 1000 / rate
    this.#observer = observer
  }

  /** Units of work that have been started and have neither succeeded nor failed, the oldest first. */
  get open(): readonly OpenUnit[] {
    return [...this.#open]
  }

  /** Milliseconds since the load began. */
  get elapsed(): number {
    return performance.now() - this.#beganAt
  }

  start(): void {
    this.#beganAt = performance.now()
    this.resume()
  }

  /** Starts no requests until {@link resume}; what has been started goes on. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  /** Starts requests at the fixed rate, from now on. */
  resume(): void {
    this.#dueFrom = performance.now()
    this.#starts = 0
    this.#startDue()
  }

  /** Starts nothing any more; what has been started goes on. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Starts one unit beside the fixed rate. Resolves when it has settled, well or not. */
  async add(unit: UnitName, work: () => Promise<string>): Promise<void> {
    await this.#perform(unit, work)
  }

  /** Keeps so many callers waiting for a connection at every moment, until the returned function is called. */
  saturate(callers: number): () => Promise<void> {
    let going = true
    const caller = async (): Promise<void> => {
      while (going && !this.#stopped) {
        const served = await this.#perform('transaction', () => this.#units.transaction())
        // A pool that refuses at once would be asked without end, and one that answers at once too, and nothing else would get
        // a turn.
        await (served ? turn() : sleep(afterFailure))
      }
    }
    const all = Promise.all(Array.from({ length: callers }, caller))
    return async () => {
      going = false
      await all
    }
  }

  /** Resolves with true when nothing is open, or with false when {@link until} gives up. */
  settle(quiet: number, limit: number): Promise<boolean> {
    return this.until(() => this.#open.size === 0, quiet, limit)
  }

  /**
   * Resolves with true when something is so, or with false when nothing has settled for `quiet` milliseconds or it is not
   * so after `limit`. Rejects when the signal aborts.
   */
  async until(
    isSo: () => boolean,
    quiet: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const begunAt = performance.now()
    let movedAt = begunAt
    let { settled } = this
    while (!isSo()) {
      await sleep(20, undefined, { signal })
      const now = performance.now()
      if (this.settled !== settled) movedAt = now
      settled = this.settled
      if (now - movedAt > quiet || now - begunAt > limit) return isSo()
    }
    return true
  }

  #startDue(): void {
    for (;;) {
      const dueAt = this.#dueFrom + this.#starts * this.#interval
      const wait = dueAt - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#startDue(), wait)
        return
      }
      this.#starts += 1
      if (this.#starts % transactionEvery === 0) {
        void this.#perform('transaction', () => this.#units.transaction())
      } else void this.#perform('query', () => this.#units.query(), dueAt)
    }
  }

  /** Says whether it was served. */
  async #perform(unit: UnitName, work: () => Promise<string>, dueAt?: number): Promise<boolean> {
    const begun = this.phase
    const open: OpenUnit = { unit, atMs: this.elapsed }
    this.started += 1
    this.#open.add(open)
    const served = await this.#try(open, work)
    this.#open.delete(open)
    this.settled += 1
    if (!served) this.failed += 1
    if (dueAt !== undefined) {
      this.latency.record(phaseOf(begun, this.phase), performance.now() - dueAt)
    }
    return served
  }

  async #try({ unit, atMs }: OpenUnit, work: () => Promise<string>): Promise<boolean> {
    try {
      this.#observer.served(await work())
      return true
    } catch (error) {
      this.#observer.failed(error, unit, atMs)
      return false
    }
  }
}
