/** Milliseconds by a clock that is the same in every thread. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
