import { setTimeout as sleep } from 'node:timers/promises'
import { withinLimit } from './limit.ts'
import type { Load } from './load.ts'
import { limits, type Pace } from './pace.ts'
import type { Units } from './targets/target.ts'

/** The first rotation and every third one after it meets more callers than the pool has connections. */
const saturatedEvery = 3
const callersPerConnection = 3

/** What a rotation has to cope with beside the steady load. */
export class Pressure {
  readonly #load: Load
  readonly #units: Units
  readonly #max: number
  readonly #pace: Pace
  readonly #signal: AbortSignal

  /** `max`: the pool's ceiling. */
  constructor(
    load: Load,
    units: Units,
    { max, pace, signal }: { max: number; pace: Pace; signal: AbortSignal },
  ) {
    this.#load = load
    this.#units = units
    this.#max = max
    this.#pace = pace
    this.#signal = signal
  }

  /** Fills the pool, and gives the process time to compile what it needs. */
  async warmUp(): Promise<void> {
    this.#load.phase = 'saturated'
    const stop = this.#load.saturate(this.#max)
    await this.pause(this.#pace.warmUp)
    await withinLimit(stop(), this.#pace.patience, this.#signal)
    this.#load.phase = 'steady'
  }

  /** Starts a transaction and a stream that go on until the next hand-over is done, and waits until they hold their connections. */
  async span(): Promise<void> {
    const transaction = Promise.withResolvers<void>()
    const stream = Promise.withResolvers<void>()
    // From the quiet time on, so that a rotation is compared with a time in which as many connections were taken.
    const time = this.#pace.steady + this.#pace.held
    void this.#load.add('held transaction', () => this.#units.hold(time, transaction.resolve))
    void this.#load.add('stream', () => this.#units.stream(time, stream.resolve))
    const both = Promise.all([transaction.promise, stream.promise])
    await withinLimit(both, limits.heldLimit, this.#signal)
  }

  /**
   * Has callers queue before a rotation whose turn it is. What it resolves with begins with the rotation, and lets them go
   * after half of the spread.
   */
  async saturate(rotation: number): Promise<() => Promise<void>> {
    if (rotation % saturatedEvery !== 1) {
      return async () => {
        this.#load.phase = 'rotating'
      }
    }
    const relax = await this.crowd()
    return async () => {
      await this.pause(this.#pace.spread / 2)
      await relax()
    }
  }

  /** Has callers queue, and come back again and again, until what it resolves with is called. */
  async crowd(): Promise<() => Promise<void>> {
    const stop = this.#load.saturate(callersPerConnection * this.#max)
    this.#load.phase = 'saturated'
    await this.pause(this.#pace.queueing)
    return async () => {
      await withinLimit(stop(), limits.relaxLimit, this.#signal)
      this.#load.phase = 'rotating'
    }
  }

  /**
   * Has every connection held in a transaction and a caller waiting for each. The transactions end one by one, the first in
   * half of the spread, the last in half more than that. Resolves when they are held, with what resolves when all of them have ended.
   */
  async holdAll(): Promise<() => Promise<unknown>> {
    this.#load.phase = 'saturated'
    const held: Promise<void>[] = []
    const ended: Promise<void>[] = []
    for (let number = 0; number < this.#max; number += 1) {
      const time = this.#pace.spread * (0.5 + number / this.#max)
      const { promise, resolve } = Promise.withResolvers<void>()
      held.push(promise)
      ended.push(this.#load.add('held transaction', () => this.#units.hold(time, resolve)))
    }
    await withinLimit(Promise.all(held), limits.heldLimit, this.#signal)
    // However slow the load is: a pool that forgets who waits for it has somebody to forget.
    for (let number = 0; number < this.#max; number += 1) {
      void this.#load.add('transaction', () => this.#units.transaction())
    }
    return () => Promise.all(ended)
  }

  /** Starts no requests until the load is resumed, and waits until all that have been started have settled. */
  async quiet(): Promise<void> {
    this.#load.pause()
    await this.#load.settle(this.#pace.patience, limits.settleLimit)
  }

  /** Lets the load go on for so many milliseconds. */
  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#signal })
  }
}
