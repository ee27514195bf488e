import type { Clock } from './clock.ts'
import {
  backoffDelay,
  loginBackoff,
  nextReplacement,
  replacementShift,
  type Random,
} from './schedule.ts'

/** When a pool may touch its next connection: spread over the window, at once where it is urgent, later after a failure. */
export class Pace {
  readonly #clock: Clock
  readonly #random: Random
  #isUrgent = false
  #lastAt = 0
  #spreadEnd = 0
  #failures = 0
  #notBefore = 0

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** From now until {@link end} everything goes as fast as it can. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  /** Nothing is opened before. */
  get notBefore(): number {
    return this.#notBefore
  }

  /** `old` connections go over within `spread`. */
  begin(spread: number, old: number): void {
    const start = this.#clock.now() - replacementShift(spread, old, this.#random)
    this.#lastAt = start
    this.#spreadEnd = start + spread
  }

  hurry(): void {
    this.#isUrgent = true
    this.#spreadEnd = Math.min(this.#spreadEnd, this.#clock.now())
  }

  end(): void {
    this.#isUrgent = false
  }

  /** One's turn was now. */
  moved(): void {
    this.#lastAt = this.#clock.now()
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures += 1
    const wait = backoffDelay(this.#failures, loginBackoff, this.#random)
    this.#notBefore = this.#clock.now() + wait
  }

  /** When the next of `old` connections is due. */
  dueAt(old: number): number {
    return Math.max(this.#notBefore, nextReplacement(this.#lastAt, this.#spreadEnd, old))
  }
}
