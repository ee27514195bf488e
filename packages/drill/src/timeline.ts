import type { DrillEvent } from './events.ts'
import { phaseOf, type LatencySummary, type Phase } from './latency.ts'

/** What a pool did in a short time. */
export interface Stretch {
  /** When it ended, in milliseconds since the load began. */
  atMs: number
  /** The more eventful one, where there was more than one. */
  phase: Phase
  /** Of the short queries that settled in it. */
  latencyMs: LatencySummary
  settled: number
  failed: number
  /** Requests under way or waiting at its end. */
  open: number
  /** Sessions by generation when there were most of them. */
  generations: ReadonlyMap<number, number>
  /** Connections that logged in. */
  logins: number
  storeRequests: number
}

/** When a rotation was, in milliseconds since the load began. */
export interface Mark {
  rotation: number
  fromMs: number
  /** When the pool said that it is drained, or was given up; not known before. */
  toMs: number | undefined
  drained: boolean
}

/** So many are more than a plot has pixels for, or nearly. */
const mostStretches = 600

type Progress = Extract<DrillEvent, { type: 'progress' }>
type Counters = Pick<Progress, 'settled' | 'failed' | 'logins' | 'storeRequests'>

/**
 * What a pool did over time. However long that is, it keeps as many stretches as a plot can show: when there are too many,
 * each two that follow one another are joined.
 */
export class Timeline {
  readonly marks: Mark[] = []
  /** When no request was started any more, in milliseconds since the load began. */
  stoppedAtMs: number | undefined
  readonly #most: number
  #stretches: Stretch[] = []
  /** How many reports of progress make one stretch. */
  #width = 1
  #pending: Stretch | undefined
  #gathered = 0
  #counted: Counters = { settled: 0, failed: 0, logins: 0, storeRequests: 0 }

  /** `most`: an even number of stretches. */
  constructor(most: number = mostStretches) {
    this.#most = most
  }

  get stretches(): readonly Stretch[] {
    return this.#pending === undefined ? this.#stretches : [...this.#stretches, this.#pending]
  }

  add(event: DrillEvent): void {
    if (event.type === 'progress') this.#extend(event)
    else if (event.type === 'rotating') {
      const { rotation, atMs: fromMs } = event
      this.marks.push({ rotation, fromMs, toMs: undefined, drained: false })
    } else if (event.type === 'rotated') {
      const mark = this.marks.at(-1)
      if (mark !== undefined) Object.assign(mark, { toMs: event.atMs, drained: event.drained })
    } else if (event.type === 'settling') this.stoppedAtMs = event.atMs
  }

  #extend(progress: Progress): void {
    const stretch = since(this.#counted, progress)
    this.#counted = progress
    this.#pending = this.#pending === undefined ? stretch : join(this.#pending, stretch)
    this.#gathered += 1
    if (this.#gathered < this.#width) return
    this.#stretches.push(this.#pending)
    this.#pending = undefined
    this.#gathered = 0
    if (this.#stretches.length >= this.#most) this.#halve()
  }

  #halve(): void {
    const pairs = this.#stretches.length / 2
    this.#stretches = Array.from({ length: pairs }, (_, pair) => {
      return join(this.#stretches[2 * pair]!, this.#stretches[2 * pair + 1]!)
    })
    this.#width *= 2
  }
}

function since(before: Counters, progress: Progress): Stretch {
  const { atMs, phase, latencyMs, generations, started } = progress
  return {
    ...{ atMs, phase, latencyMs, generations },
    settled: progress.settled - before.settled,
    failed: progress.failed - before.failed,
    open: started - progress.settled,
    logins: progress.logins - before.logins,
    storeRequests: progress.storeRequests - before.storeRequests,
  }
}

/** The counts of both; of the rest what is worse: of two p99 nobody can say what they are together. */
export function join(first: Stretch, second: Stretch): Stretch {
  const [a, b] = [first.latencyMs, second.latencyMs]
  return {
    atMs: second.atMs,
    phase: phaseOf(first.phase, second.phase),
    latencyMs: { p50: worse(a.p50, b.p50), p99: worse(a.p99, b.p99), max: worse(a.max, b.max) },
    settled: first.settled + second.settled,
    failed: first.failed + second.failed,
    open: Math.max(first.open, second.open),
    generations: sessionsOf(first) > sessionsOf(second) ? first.generations : second.generations,
    logins: first.logins + second.logins,
    storeRequests: first.storeRequests + second.storeRequests,
  }
}

/** All sessions of a stretch. */
export function sessionsOf({ generations }: Pick<Stretch, 'generations'>): number {
  return [...generations.values()].reduce((sum, count) => sum + count, 0)
}

function worse(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}
