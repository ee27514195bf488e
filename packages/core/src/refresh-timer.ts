import type { Clock, Timer } from './clock.ts'

// A timer stands still while the machine sleeps, so a long wait looks at the wall clock once a minute.
const longestLook = 60_000

/** Calls when the next refresh is due, or before that where the snapshot has aged while the machine slept. */
export class RefreshTimer {
  readonly #clock: Clock
  readonly #hasAged: () => boolean
  readonly #refresh: () => void
  #at = 0
  #timer: Timer | undefined

  constructor(clock: Clock, hasAged: () => boolean, refresh: () => void) {
    this.#clock = clock
    this.#hasAged = hasAged
    this.#refresh = refresh
  }

  /** The next refresh is due in `delay` milliseconds. */
  set(delay: number): void {
    this.#at = this.#clock.now() + Math.max(0, delay)
    this.#rest()
  }

  cancel(): void {
    this.#timer?.cancel()
  }

  #rest(): void {
    this.cancel()
    const left = this.#at - this.#clock.now()
    this.#timer = this.#clock.after(Math.min(left, longestLook), () => this.#look())
  }

  #look(): void {
    if (this.#clock.now() < this.#at && !this.#hasAged()) return this.#rest()
    this.#refresh()
  }
}
