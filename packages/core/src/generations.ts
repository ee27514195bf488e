import type { Clock } from './clock.ts'

/** How many connections of one version a pool has, by what they do. */
export interface GenerationCounts {
  /** The version that these connections logged in with. */
  readonly version: string
  readonly connecting: number
  readonly idle: number
  readonly lent: number
  readonly closing: number
  /** Wall time at which the pool learned of the version. */
  readonly since: Date
}

/** One version that a pool has connections of, or may have. Numbers grow with every newer version. */
export interface Generation {
  readonly number: number
  readonly version: string
  readonly since: Date
  /** Monotonic time at which a newer version came. */
  supersededAt: number
}

/** The versions that a pool knows of, the oldest first. */
export class Generations {
  readonly #clock: Clock
  #known: Generation[] = []
  #newest = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The number of the newest; 0 before the first. */
  get newest(): number {
    return this.#newest
  }

  get newestVersion(): string | undefined {
    return this.#known.at(-1)?.version
  }

  get size(): number {
    return this.#known.length
  }

  [Symbol.iterator](): Iterator<Generation> {
    return this.#known.values()
  }

  numbered(number: number): Generation | undefined {
    return this.#known.find((generation) => generation.number === number)
  }

  of(version: string): Generation | undefined {
    return this.#known.findLast((generation) => generation.version === version)
  }

  /** Makes a version the newest. Answers with the generation that it was before, where the store has gone back to it. */
  add(version: string): Generation | undefined {
    const last = this.#known.at(-1)
    if (last !== undefined) last.supersededAt = this.#clock.now()
    const again = this.#known.find((generation) => generation.version === version)
    this.#newest += 1
    this.#known = this.#known.filter((generation) => generation !== again)
    this.#known.push(this.#begin(this.#newest, version))
    return again
  }

  /** Takes in a version older than all that are known. */
  addOldest(version: string): Generation {
    const oldest = this.#begin((this.#known[0]?.number ?? 1) - 1, version)
    oldest.supersededAt = this.#clock.now()
    this.#known.unshift(oldest)
    return oldest
  }

  /** Forgets what is older than `target` and has no connection any more, and answers with it. */
  removeDrained(target: number, inUse: ReadonlySet<number | undefined>): Generation[] {
    const isDrained = ({ number }: Generation): boolean => number < target && !inUse.has(number)
    const drained = this.#known.filter(isDrained)
    this.#known = this.#known.filter((generation) => !isDrained(generation))
    return drained
  }

  #begin(number: number, version: string): Generation {
    return { number, version, since: new Date(this.#clock.wall()), supersededAt: 0 }
  }
}
