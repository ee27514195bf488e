import { Latency, phaseOf, type Phase } from './latency.ts'
import type { UnitName, Units } from './targets/target.ts'

/** What a load tells of each unit of work. */
export interface LoadObserver {
  served(account: string): void
  failed(error: unknown, unit: UnitName): void
}

/** One start in this many is a transaction, the others are short queries. */
const transactionEvery = 10

/**
 * Open-loop load: requests start at a fixed rate whatever becomes of those before them, as they do in front of a service.
 * The latency of a short query counts from the moment it was due, so that a stall is seen by everybody whom it would
 * have kept waiting, and not only by the one request that ran into it.
 */
export class Load {
  readonly latency: Latency = new Latency()
  readonly #units: Units
  readonly #interval: number
  readonly #observer: LoadObserver
  phase: Phase = 'steady'
  started = 0
  settled = 0
  failed = 0
  #starts = 0
  #beganAt = 0
  #timer: NodeJS.Timeout | undefined

  /** `rate`: starts per second. */
  constructor(units: Units, rate: number, observer: LoadObserver) {
    this.#units = units
    this.#interval = 1000 / rate
    this.#observer = observer
  }

  /** Units of work that have been started and have neither succeeded nor failed. */
  get open(): number {
    return this.started - this.settled
  }

  /** Milliseconds since the load began. */
  get elapsed(): number {
    return performance.now() - this.#beganAt
  }

  start(): void {
    this.#beganAt = performance.now()
    this.#startDue()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Starts one unit beside the fixed rate. Resolves when it has settled, well or not. */
  add(unit: UnitName, work: () => Promise<string>): Promise<void> {
    return this.#perform(unit, work)
  }

  /** Keeps so many callers waiting for a connection at every moment, until the returned function is called. */
  saturate(callers: number): () => Promise<void> {
    let going = true
    const caller = async (): Promise<void> => {
      while (going) await this.#perform('transaction', () => this.#units.transaction())
    }
    const all = Promise.all(Array.from({ length: callers }, caller))
    return async () => {
      going = false
      await all
    }
  }

  /** Resolves with true when nothing is open, or with false when nothing has settled for `patience` milliseconds. */
  async settle(patience: number): Promise<boolean> {
    let settled = this.settled
    let since = performance.now()
    while (this.open > 0) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (this.settled !== settled) {
        settled = this.settled
        since = performance.now()
      } else if (performance.now() - since > patience) return false
    }
    return true
  }

  #startDue(): void {
    for (;;) {
      const dueAt = this.#beganAt + this.#starts * this.#interval
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

  async #perform(unit: UnitName, work: () => Promise<string>, dueAt?: number): Promise<void> {
    const begun = this.phase
    this.started += 1
    try {
      this.#observer.served(await work())
    } catch (error) {
      this.failed += 1
      this.#observer.failed(error, unit)
    }
    this.settled += 1
    if (dueAt === undefined) return
    this.latency.record(phaseOf(begun, this.phase), performance.now() - dueAt)
  }
}
