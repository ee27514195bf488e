// Runs in a worker. A timer of the event loop is good to a millisecond, which would be most of a p99 of 0.8 ms; a
// thread that sleeps on a futex is good to a few hundredths of it.

import { parentPort, workerData } from 'node:worker_threads'
import { monotonic } from './monotonic.ts'

export interface Pace {
  /** Milliseconds between two beats. */
  interval: number
  /** When the first beat is due, by {@link monotonic}. */
  startAt: number
}

const { interval, startAt } = workerData as Pace
const sleep = new Int32Array(new SharedArrayBuffer(4))
for (let beat = 0; ; beat += 1) {
  const left = startAt + beat * interval - monotonic()
  if (left > 0) Atomics.wait(sleep, 0, 0, left)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is of windows, not of workers
  parentPort?.postMessage(beat)
}
