import type { Clock, Timer } from './clock.ts'
import type { ConnectionState, PlannedConnection } from './plan.ts'

interface Entry {
  generation: number | undefined
  phase: 'connecting' | 'open' | 'closing'
  timer: Timer | undefined
}

/** Every connection of a pool, from the moment it takes a slot at the server until its socket is closed. */
export class Connections<Connection extends object> {
  readonly #entries = new Map<Connection, Entry>()
  readonly #clock: Clock
  readonly #closeDeadline: number
  readonly #destroy: (connection: Connection) => void

  constructor(clock: Clock, closeDeadline: number, destroy: (connection: Connection) => void) {
    this.#clock = clock
    this.#closeDeadline = closeDeadline
    this.#destroy = destroy
  }

  get size(): number {
    return this.#entries.size
  }

  /** Whether none is, or has been, logged in. */
  get areAllConnecting(): boolean {
    return this.#every(({ phase }) => phase === 'connecting')
  }

  /** The generations that have a connection, whatever that does. */
  get generations(): ReadonlySet<number | undefined> {
    return new Set([...this.#entries.values()].map(({ generation }) => generation))
  }

  has(connection: Connection): boolean {
    return this.#entries.has(connection)
  }

  generationOf(connection: Connection): number | undefined {
    return this.#entries.get(connection)?.generation
  }

  add(connection: Connection, phase: 'connecting' | 'open', generation?: number): void {
    this.#entries.set(connection, { generation, phase, timer: undefined })
  }

  tag(connection: Connection, generation: number | undefined): void {
    const entry = this.#entries.get(connection)
    if (entry !== undefined) entry.generation = generation
  }

  /** All of one generation belong to another from now on. */
  move(from: number, to: number): void {
    for (const entry of this.#entries.values()) if (entry.generation === from) entry.generation = to
  }

  opened(connection: Connection): void {
    const entry = this.#entries.get(connection)
    if (entry !== undefined) entry.phase = 'open'
  }

  /** It has begun to close. A peer that does not answer holds the slot until the deadline. */
  closing(connection: Connection): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined || entry.phase === 'closing') return
    entry.phase = 'closing'
    entry.timer = this.#clock.after(this.#closeDeadline, () => this.#destroy(connection))
  }

  /** Its socket is closed. False where it is not known (any more). */
  closed(connection: Connection): boolean {
    this.#entries.get(connection)?.timer?.cancel()
    return this.#entries.delete(connection)
  }

  /** Whether none, closing ones included, is known to be older than a generation. */
  noneOlderThan(number: number): boolean {
    return this.#every(({ generation }) => generation === undefined || generation >= number)
  }

  /** What each is and does, those that nobody holds first, in the driver's order. */
  states(idle: Iterable<Connection>): PlannedConnection<Connection>[] {
    const free = new Set(idle)
    const states: PlannedConnection<Connection>[] = []
    const add = (connection: Connection, { generation, phase }: Entry): void => {
      const open: ConnectionState = free.has(connection) ? 'idle' : 'lent'
      states.push({ connection, generation, state: phase === 'open' ? open : phase })
    }
    for (const connection of free) {
      const entry = this.#entries.get(connection)
      if (entry !== undefined) add(connection, entry)
    }
    for (const [connection, entry] of this.#entries)
      if (!free.has(connection)) add(connection, entry)
    return states
  }

  #every(holds: (entry: Entry) => boolean): boolean {
    return [...this.#entries.values()].every(holds)
  }
}
