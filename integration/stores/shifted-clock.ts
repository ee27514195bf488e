import { systemClock, type Clock, type Timer } from '@rekey/core'

/** The machine's clock, ahead by as much as a test wants: a store that cannot be told the time goes on by its own. */
export class ShiftedClock implements Clock {
  #ahead = 0

  now(): number {
    return systemClock.now() + this.#ahead
  }

  wall(): number {
    return systemClock.wall() + this.#ahead
  }

  after(...wait: Parameters<Clock['after']>): Timer {
    return systemClock.after(...wait)
  }

  shift(milliseconds: number): void {
    this.#ahead += milliseconds
  }
}
