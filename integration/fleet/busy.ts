import { cpus } from 'node:os'

/** From now on: milliseconds that a processor of this machine has not been idle, on average over all of them. */
export function startBusy(): () => number {
  const [from, idleBefore] = [performance.now(), idle()]
  return () => Math.max(0, performance.now() - from - (idle() - idleBefore))
}

function idle(): number {
  const all = cpus()
  return all.reduce((sum, { times }) => sum + times.idle, 0) / all.length
}
