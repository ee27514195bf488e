import type { Clock, Timer } from '../src/clock.ts'

interface Entry {
  at: number
  callback: () => void
}

/**
 * A clock that stands still until a test moves it. Between two timers every promise that can settle does, as in a
 * process that has nothing else to do.
 */
export class VirtualClock implements Clock {
  #now = 0
  #wall: number
  /** By time, and those of one moment in the order in which they were set. */
  readonly #timers: Entry[] = []
  /** How many timers have fired in this moment. */
  #atOnce = 0

  constructor(wall: number = Date.UTC(2030, 0, 1)) {
    this.#wall = wall
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wall + this.#now
  }

  after(delay: number, callback: () => void): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, delay), callback }
    let place = this.#timers.length
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > entry.at) place -= 1
    this.#timers.splice(place, 0, entry)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(entry)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  /** Timers that have been set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.length
  }

  /** When the next timer is due. */
  get nextAt(): number | undefined {
    return this.#timers[0]?.at
  }

  /** Lets time pass. `seen` is called after each timer, once everything that it set off has settled. */
  async advance(milliseconds: number, seen?: () => void): Promise<void> {
    const end = this.#now + milliseconds
    await settled()
    for (
      let [first] = this.#timers;
      first !== undefined && first.at <= end;
      [first] = this.#timers
    ) {
      this.#timers.shift()
      this.#atOnce = first.at > this.#now ? 0 : this.#atOnce + 1
      if (this.#atOnce > 1_000)
        throw new Error('timers are set over and over, and time stands still')
      this.#now = first.at
      first.callback()
      await settled()
      seen?.()
    }
    this.#now = end
  }

  /** Sets the wall clock, as an operator or a time server would. The monotonic clock does not notice. */
  setWall(wall: number): void {
    this.#wall = wall - this.#now
  }
}

/** Resolves once every promise that needs no timer has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
