import { setTimeout as sleep } from 'node:timers/promises'
import { DrillError } from './error.ts'
import type { Target } from './targets/target.ts'

/** Milliseconds between two counts. Below this the counting itself becomes a load. */
const interval = 8

/** Who looks at a server, and what was seen at the last look. */
interface Counted extends Pick<Target, 'sessions'> {
  readonly generations?: ReadonlyMap<number, number>
}

/** Counts the sessions at the server, all the time, and remembers the most that there were at once. */
export class SessionCount {
  readonly #target: Counted
  #running = true
  #peak = 0
  #current: ReadonlyMap<string, number> = new Map()
  #widest: ReadonlyMap<number, number> = new Map()
  #last: ReadonlyMap<number, number> = new Map()
  #failure: Error | undefined
  readonly #ended: Promise<void>

  constructor(target: Counted) {
    this.#target = target
    this.#ended = this.#run().catch((error: Error) => {
      this.#failure = error
    })
  }

  get peak(): number {
    return this.#peak
  }

  /** The last count, by account. */
  get current(): ReadonlyMap<string, number> {
    return this.#current
  }

  /** The count with the most sessions since this was asked for the last time, by generation. */
  takeWidest(): ReadonlyMap<number, number> {
    const widest = this.#widest
    this.#widest = this.#last
    return widest
  }

  /** @throws {DrillError} if a count failed: then nobody knows the peak. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#ended
    if (this.#failure === undefined) return
    throw new DrillError(`The sessions could not be counted: ${this.#failure.message}`, {
      cause: this.#failure,
    })
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#current = await this.#target.sessions()
      this.#last = this.#target.generations ?? new Map()
      const total = totalOf(this.#current)
      this.#peak = Math.max(this.#peak, total)
      if (totalOf(this.#last) >= totalOf(this.#widest)) this.#widest = this.#last
      await sleep(interval)
    }
  }
}

function totalOf(sessions: ReadonlyMap<unknown, number>): number {
  return [...sessions.values()].reduce((sum, count) => sum + count, 0)
}
