import { seeded, simulate } from './simulate.ts'

/** A fleet of real processes that polled, as far as the simulation is told of it. All times in milliseconds, from its start on. */
export interface FleetRun {
  readonly processes: number
  readonly ttl: number
  readonly jitter: number
  /** By when all processes had started. */
  readonly started: number
  /** When a new version was published. */
  readonly published: readonly number[]
  /** By when everybody knew of the last one. */
  readonly over: number
}

/** What was seen of it. */
export interface Seen {
  /** When each process asked its store. */
  readonly asked: readonly (readonly number[])[]
  /** For each rotation, from its publication until each process knew of it. */
  readonly noticed: readonly (readonly number[])[]
}

/** What 500 simulated runs say of one figure. */
interface Prediction {
  readonly what: string
  /** They differ by chance. */
  readonly least: number
  readonly most: number
}

export interface Comparison extends Prediction {
  readonly measured: number
  readonly isPredicted: boolean
}

/** What is compared: of all rotations together, and of the times that processes waited between two questions. */
const figures = [
  ...[0.5, 0.99].map((share) => ({
    what: `known to ${share * 100} %`,
    of: ({ noticed }: Times): number => timeOf(share, noticed),
  })),
  ...[0.05, 0.5, 0.95].map((share) => ({
    what: `${share * 100} % of waits below`,
    of: ({ waits }: Times): number => timeOf(share, waits),
  })),
]

interface Times {
  readonly noticed: readonly number[]
  readonly waits: readonly number[]
}

const runs = 500

/**
 * The share of a TTL by which a figure may lie outside of what was simulated, where an answer takes no time and each process has
 * a processor for itself: 0.2 s of 20 s. A jitter that is off by a fifth moves the shortest waits by twice as much.
 */
const tolerance = 0.01

/** The time by which a share of them knew. */
export function timeOf(share: number, noticed: readonly number[]): number {
  const sorted = noticed.toSorted((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}

function timesOf({ published: [from = 0], over }: FleetRun, { asked, noticed }: Seen): Times {
  // Before the first rotation processes are started, which takes the processors.
  const within = asked.map((times) => times.filter((at) => at >= from && at <= over))
  const waits = within.flatMap((times) => times.slice(1).map((at, index) => at - times[index]!))
  return { noticed: noticed.flat(), waits }
}

function simulateRun(run: FleetRun, seed: number): Seen {
  const { processes, ttl, jitter, started, published, over } = run
  const asked = Array.from({ length: processes }, (): number[] => [])
  const scenario = {
    ...{ processes, ttl, jitter, startedOver: started },
    // Until everybody knows here, too.
    duration: over + ttl,
    rotations: published.map((at) => ({ at })),
    pool: { connections: 1, spread: 0 },
  }
  const { noticed } = simulate(scenario, seeded(seed), (number, at) => asked[number]!.push(at))
  return { asked, noticed }
}

/** What the simulation says of as many processes, started and rotated at the same moments. */
export function predict(run: FleetRun): Prediction[] {
  const simulated = Array.from({ length: runs }, (_, seed) => timesOf(run, simulateRun(run, seed)))
  return figures.map(({ what, of }) => {
    const values = simulated.map(of)
    return { what, least: Math.min(...values), most: Math.max(...values) }
  })
}

/** Whether it predicts what was measured. */
export function compare(
  run: FleetRun,
  seen: Seen,
  predictions: readonly Prediction[] = predict(run),
): Comparison[] {
  const times = timesOf(run, seen)
  const leeway = run.ttl * tolerance
  return figures.map(({ of }, index) => {
    const prediction = predictions[index]!
    const measured = of(times)
    const { least, most } = prediction
    const isPredicted = measured >= least - leeway && measured <= most + leeway
    return { ...prediction, measured, isPredicted }
  })
}
