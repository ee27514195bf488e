/** The drill's own times, in milliseconds. */
export interface Pace {
  /** Load before the first rotation that fills the pool and is not measured. */
  readonly warmUp: number
  /** Quiet time before each rotation, and after the last. */
  readonly steady: number
  /** For callers to queue up before a rotation that finds the pool saturated. */
  readonly queueing: number
  /** Over which a pool may replace its connections. */
  readonly spread: number
  /** How long a transaction and a stream that began in the quiet time go on in the rotation: longer than the spread. */
  readonly held: number
  /** How long, in the scenarios in which that happens, store and database disagree, or the store does not answer. */
  readonly trouble: number
  /** When nothing has settled for so long, what is left hangs. */
  readonly patience: number
}

/** Chosen so that ten rotations of two pools fit into a minute. */
export const defaultPace: Pace = {
  warmUp: 800,
  steady: 400,
  queueing: 50,
  spread: 900,
  held: 1_100,
  trouble: 700,
  patience: 5_000,
}

/** How often the drill tells how it goes, and how long it waits for what should happen, in milliseconds. */
export const limits = {
  /** Between two reports of the progress: short enough to show a rotation as it goes. */
  progress: 100,
  /** For the transaction and the stream to get their connections; a small pool may not have room for both. */
  heldLimit: 1_000,
  /** For saturating callers to come back; those that hang do not. */
  relaxLimit: 1_000,
  /** After which a rotation that did not end is given up, unless the caller has a limit of its own. */
  drainLimit: 30_000,
  /** After the load: what has not settled by then hangs, too. */
  settleLimit: 15_000,
} as const
