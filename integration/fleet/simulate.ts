import {
  backoffDelay,
  firstRefresh,
  freshFor,
  nextRefresh,
  nextReplacement,
  outageBackoff,
  paceFrom,
  paceOfTurns,
  turnsFrom,
  type Random,
} from '../../packages/core/src/schedule.ts'

/** What happens to a fleet. All times in milliseconds. */
export interface Scenario {
  readonly processes: number
  readonly duration: number
  readonly ttl: number
  readonly jitter: number
  /** Over which time they are started. 0: at once. */
  readonly startedOver: number
  /** When the store answers nothing but errors. */
  readonly outage?: { readonly from: number; readonly until: number }
  /** When new versions are published, in order, and over how long a push of each is spread; without `push` they are polled. */
  readonly rotations?: readonly { readonly at: number; readonly push?: number }[]
  /** What each process has open, and over which time a rotation replaces it. */
  readonly pool: { readonly connections: number; readonly spread: number }
}

export interface Outcome {
  /** Questions to the store, per second of the scenario. */
  readonly requests: Uint32Array
  /** Logins that rotations cause at the database, per second. */
  readonly logins: Uint32Array
  /** For each rotation, milliseconds from then until each process knew of it, in order. */
  readonly noticed: number[][]
}

interface Process {
  failures: number
  /** Of how many rotations it has learned. */
  knows: number
  /** Which of its events counts: one that was replaced does not. */
  turn: number
}

interface Event {
  readonly at: number
  readonly number: number
  readonly turn: number
  readonly onSchedule: boolean
}

/**
 * A fleet in which each process asks when core's own schedule tells it to, and replaces its connections when that does.
 * An answer takes no time. `asked` is told of each question, by the number of the process.
 */
export function simulate(
  scenario: Scenario,
  random: Random,
  asked?: (number: number, at: number) => void,
): Outcome {
  const { processes, duration, ttl, jitter, startedOver, outage, rotations = [], pool } = scenario
  const seconds = Math.ceil(duration / 1_000)
  const requests = new Uint32Array(seconds)
  const logins = new Uint32Array(seconds)
  const noticed = rotations.map((): number[] => [])
  const fleet = Array.from({ length: processes }, (): Process => ({
    failures: 0,
    knows: 0,
    turn: 0,
  }))
  // What happens in each second; within one the order does not matter to anybody.
  const due = Array.from({ length: seconds }, (): Event[] => [])

  function plan(number: number, at: number, onSchedule: boolean): void {
    const process = fleet[number]!
    process.turn += 1
    due[Math.floor(at / 1_000)]?.push({ at, number, turn: process.turn, onSchedule })
  }

  function countLogin(at: number): void {
    const second = Math.floor(at / 1_000)
    if (second < seconds) logins[second]! += 1
  }

  function replaceConnections(from: number, isPushed: boolean): void {
    const { spread, connections } = pool
    const turns = isPushed ? turnsFrom(from, spread, connections, random) : undefined
    // One login proves the new version: on its turn, or at once.
    const provenAt = turns?.firstAt ?? from
    countLogin(provenAt)
    const pace = turns
      ? paceOfTurns(provenAt, spread, turns)
      : paceFrom(provenAt, spread, connections - 1, random)
    let { lastAt } = pace
    for (let left = connections - 1; left > 0; left -= 1) {
      lastAt = nextReplacement(lastAt, pace.spreadEnd, left)
      countLogin(lastAt)
    }
  }

  function ask({ number, at, onSchedule }: Event): void {
    const process = fleet[number]!
    requests[Math.floor(at / 1_000)]! += 1
    asked?.(number, at)
    if (outage !== undefined && at >= outage.from && at < outage.until) {
      process.failures += 1
      return plan(number, at + backoffDelay(process.failures, outageBackoff(ttl), random), true)
    }
    for (const rotation of rotations.slice(process.knows)) {
      if (at < rotation.at) break
      noticed[process.knows]!.push(at - rotation.at)
      process.knows += 1
      replaceConnections(at, rotation.push !== undefined)
    }
    const next = onSchedule && process.failures === 0 ? nextRefresh : firstRefresh
    process.failures = 0
    plan(number, at + next(freshFor(ttl, undefined), jitter, random), true)
  }

  fleet.forEach((_, number) => plan(number, random() * startedOver, false))
  for (let second = 0; second < seconds; second += 1) {
    for (const { at, push } of rotations) {
      if (push === undefined || at !== second * 1_000) continue
      fleet.forEach((_, number) => plan(number, at + random() * push, false))
    }
    // It grows while it is worked through.
    for (const event of due[second]!) if (fleet[event.number]!.turn === event.turn) ask(event)
    due[second] = []
  }
  return { requests, logins, noticed: noticed.map((times) => times.toSorted((a, b) => a - b)) }
}

/** Sums per `size` seconds, as a rate per second. */
export function rates(counts: Uint32Array, size: number): number[] {
  const sums: number[] = []
  for (let start = 0; start + size <= counts.length; start += size) {
    let sum = 0
    for (let second = start; second < start + size; second += 1) sum += counts[second]!
    sums.push(sum / size)
  }
  return sums
}

/** A source of chance that gives the same each time: Mulberry32, by Tommy Ettinger. */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
