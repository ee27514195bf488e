/** A timer that can be taken back. Cancelling it twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** Everything that rekey knows of time. Tests inject one of their own; no test sleeps. */
export interface Clock {
  /** Milliseconds that only ever grow, whatever happens to the wall clock. */
  now(): number
  /** Milliseconds since the epoch, as the machine believes at the moment. */
  wall(): number
  /** Calls back once after `delay` milliseconds. Does not keep the process alive, unless somebody waits for it. */
  after(delay: number, callback: () => void, options?: { keepAlive?: boolean }): Timer
}

// setTimeout takes a signed 32-bit delay; a longer one fires at once.
const longestTimeout = 2 ** 31 - 1

/** The machine's own clocks. Timers are unref'd, and delays beyond 2^31 ms are waited for in pieces. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, callback, options) {
    let handle: NodeJS.Timeout
    const wait = (left: number): void => {
      const piece = Math.min(left, longestTimeout)
      handle = setTimeout(() => (left > piece ? wait(left - piece) : callback()), piece)
      if (!options?.keepAlive) handle.unref()
    }
    wait(Math.max(0, delay))
    return { cancel: () => clearTimeout(handle) }
  },
}
