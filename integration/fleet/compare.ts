import { seeded, simulate } from './simulate.ts'

/** When processes have learned of what was pushed to them. All times in milliseconds. */
export interface Observed {
  readonly processes: number
  /** Over which time a push is spread. */
  readonly push: number
  /** For each rotation, from the push until each process knew of it. */
  readonly rotations: readonly (readonly number[])[]
  /** The longest that a processor was busy in one of them, until everybody knew. */
  readonly busy: number
}

/** What was measured of all rotations together beside what was simulated of them. */
export interface Comparison {
  /** Of the processes. */
  readonly share: number
  readonly measured: number
  /** Of the simulated runs, which differ by chance. */
  readonly earliest: number
  readonly latest: number
  /** Not before the earliest, and not after the latest by more than the simulation leaves out. */
  readonly isPredicted: boolean
}

const shares = [0.5, 0.99]
const runs = 500

/** Timers of whole milliseconds, and some turns of an event loop. */
const unit = 50

/** What a push is answered by in a simulated fleet of this size, rotation after rotation. */
function simulateRotations({ processes, push, rotations }: Observed, seed: number): number[] {
  const pool = { connections: 1, spread: push }
  const timings = { ttl: 300_000, jitter: 0.1, startedOver: 0, duration: push + 2_000, pool }
  const rotation = { at: 1_000, push }
  const random = seeded(seed)
  return rotations.flatMap(() => simulate({ ...timings, processes, rotation }, random).noticed)
}

/** The time by which a share of them knew. */
export function timeOf(share: number, noticed: readonly number[]): number {
  const sorted = noticed.toSorted((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}

/**
 * Whether the simulation predicts what was measured. It leaves out that an answer takes time, and that processes share the
 * processors of a machine: nobody waits for one longer than it is busy.
 */
export function compare(observed: Observed): Comparison[] {
  const simulated = Array.from({ length: runs }, (_, seed) => simulateRotations(observed, seed))
  const all = observed.rotations.flat()
  return shares.map((share) => {
    const measured = timeOf(share, all)
    const times = simulated.map((noticed) => timeOf(share, noticed))
    const [earliest, latest] = [Math.min(...times), Math.max(...times)]
    const isPredicted = measured >= earliest && measured <= latest + observed.busy + unit
    return { share, measured, earliest, latest, isPredicted }
  })
}
