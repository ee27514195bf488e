import type { Clock } from './clock.ts'

/** Waits so many milliseconds, or until the signal aborts. Does not keep the process alive. */
export function sleep(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = clock.after(delay, wake)
    signal.addEventListener('abort', wake)
  })
}
