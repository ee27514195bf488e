import type { Clock, Timer } from './clock.ts'

// A forced refresh follows the one before it after this long at the earliest.
const shortestInterval = 1_000

/** Limits how often the store is asked out of turn, whoever has a reason. */
export class ForcedRefresh {
  readonly #clock: Clock
  readonly #interval: number
  readonly #force: () => void
  #lastAt = -Infinity
  #timer: Timer | undefined

  constructor(clock: Clock, ttl: number, force: () => void) {
    this.#clock = clock
    this.#interval = Math.min(shortestInterval, ttl / 10)
    this.#force = force
  }

  /** Milliseconds until the store may be asked out of turn; none where it is not positive. */
  get wait(): number {
    return this.#lastAt + this.#interval - this.#clock.now()
  }

  /** The store is asked out of turn now. */
  count(): void {
    this.#lastAt = this.#clock.now()
  }

  /** Forces a refresh as soon as it may be; `isNeeded` is asked again where that is later. */
  ask(isNeeded: () => boolean): void {
    if (this.#timer !== undefined) return
    if (this.wait <= 0) return this.#now()
    this.#timer = this.#clock.after(this.wait, () => {
      this.#timer = undefined
      if (isNeeded()) this.#now()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
  }

  #now(): void {
    this.count()
    this.#force()
  }
}
