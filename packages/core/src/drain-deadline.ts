import type { Clock, Timer } from './clock.ts'
import { report } from './diagnostics.ts'
import type { GenerationCounts } from './generations.ts'
import type { PlannedConnection } from './plan.ts'
import type { RotationDriver, RotationOptions } from './rotation-driver.ts'

/** What a deadline that has passed looks at. */
export interface Observed<Connection> {
  readonly generations: GenerationCounts[]
  readonly states: readonly PlannedConnection<Connection>[]
  /** Everything older than this goes over. */
  readonly target: number
  /** Whether something newer has found no connection that nobody holds, and so could not be tried. */
  readonly newestIsUntried: boolean
}

/** Says who still holds old connections when they should be gone, and does to them what the user has asked for. */
export class DrainDeadline<Connection> {
  readonly #clock: Clock
  readonly #driver: RotationDriver<Connection>
  readonly #then: RotationOptions['atDrainDeadline']
  readonly #observe: () => Observed<Connection>
  /** One for each rotation that is not over: each has the whole deadline for what is older than it. */
  readonly #timers = new Map<number, Timer>()

  constructor(
    clock: Clock,
    driver: RotationDriver<Connection>,
    then: RotationOptions['atDrainDeadline'],
    observe: () => Observed<Connection>,
  ) {
    this.#clock = clock
    this.#driver = driver
    this.#then = then
    this.#observe = observe
  }

  /** What is older than `target` has this long, counted from the last time that this is said. */
  begin(target: number, delay: number): void {
    this.#timers.get(target)?.cancel()
    const timer = this.#clock.after(delay, () => {
      this.#timers.delete(target)
      this.#passed(target)
    })
    this.#timers.set(target, timer)
  }

  cancel(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #passed(target: number): void {
    const { name } = this.#driver
    const { generations, states, ...newest } = this.#observe()
    const isProven = target <= newest.target
    // What was refused has been reported, and what is held has nothing to do with it.
    if (!isProven && !newest.newestIsUntried) return
    const held = states.filter(
      ({ generation, state }) =>
        generation !== undefined && generation < target && state !== 'connecting',
    )
    if (held.length === 0) return
    const described = held.map(({ connection, state }) => ({
      state,
      connection: this.#driver.describe(connection),
    }))
    report(
      'rekey:stalled',
      { pool: name, generations, held: described },
      `${name}: ${held.length} connections with older credentials are still open after the drain ` +
        `deadline: ${JSON.stringify(described)}`,
    )
    const lent = held.filter(({ state }) => state === 'lent')
    // One makes room for the login that proves the newest; the others are looked at again when it has.
    for (const { connection } of isProven ? lent : lent.slice(0, 1)) {
      // Without it the server would go on with the statement, and with the session, after the client is gone.
      if (this.#then !== 'report') this.#driver.cancel?.(connection)
      if (this.#then === 'destroy') this.#driver.destroy(connection)
    }
  }
}
