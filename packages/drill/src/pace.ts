/** The drill's own times, in milliseconds. Chosen so that ten rotations of two pools fit into a minute. */
export const pace = {
  /** Load before the first rotation that fills the pool and is not measured. */
  warmUp: 800,
  /** Quiet time before each rotation, and after the last. */
  steady: 400,
  /** For callers to queue up before a rotation that finds the pool saturated. */
  queueing: 50,
  /** Between two reports of the progress: short enough to show a rotation as it goes. */
  progress: 100,
  /** Over which a pool may replace its connections. */
  spread: 900,
  /** How long a transaction and a stream that began in the quiet time go on in the rotation: longer than the spread. */
  held: 1_100,
  /** For the transaction and the stream to get their connections; a small pool may not have room for both. */
  heldLimit: 1_000,
  /** For saturating callers to come back; those that hang do not. */
  relaxLimit: 1_000,
  /** After which a rotation that did not end is given up, unless the caller has a limit of its own. */
  drainLimit: 30_000,
  /** After the load: when nothing has settled for so long, what is left hangs. */
  patience: 5_000,
  /** After the load: what has not settled by then hangs, too. */
  settleLimit: 15_000,
} as const
