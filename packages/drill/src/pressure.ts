import { setTimeout as sleep } from 'node:timers/promises'
import { withinLimit } from './limit.ts'
import type { Load } from './load.ts'
import { pace } from './pace.ts'
import type { Units } from './targets/target.ts'

/** The first rotation and every third one after it meets more callers than the pool has connections. */
const saturatedEvery = 3
const callersPerConnection = 3

/** What a rotation has to cope with beside the steady load. */
export class Pressure {
  readonly #load: Load
  readonly #units: Units
  readonly #max: number
  readonly #signal: AbortSignal

  /** `max`: the pool's ceiling. */
  constructor(load: Load, units: Units, max: number, signal: AbortSignal) {
    this.#load = load
    this.#units = units
    this.#max = max
    this.#signal = signal
  }

  /** Fills the pool, and gives the process time to compile what it needs. */
  async warmUp(): Promise<void> {
    this.#load.phase = 'saturated'
    const stop = this.#load.saturate(this.#max)
    await this.pause(pace.warmUp)
    await withinLimit(stop(), pace.patience, this.#signal)
    this.#load.phase = 'steady'
  }

  /** Starts a transaction and a stream that go on until the next hand-over is done, and waits until they hold their connections. */
  async span(): Promise<void> {
    const transaction = Promise.withResolvers<void>()
    const stream = Promise.withResolvers<void>()
    // From the quiet time on, so that a rotation is compared with a time in which as many connections were taken.
    const time = pace.steady + pace.held
    void this.#load.add('held transaction', () => this.#units.hold(time, transaction.resolve))
    void this.#load.add('stream', () => this.#units.stream(time, stream.resolve))
    const both = Promise.all([transaction.promise, stream.promise])
    await withinLimit(both, pace.heldLimit, this.#signal)
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
    const stop = this.#load.saturate(callersPerConnection * this.#max)
    this.#load.phase = 'saturated'
    await this.pause(pace.queueing)
    return async () => {
      await this.pause(pace.spread / 2)
      await withinLimit(stop(), pace.relaxLimit, this.#signal)
      this.#load.phase = 'rotating'
    }
  }

  /** Lets the load go on for so many milliseconds. */
  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#signal })
  }
}
