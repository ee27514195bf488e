import type { RecordedRun } from '../recording.ts'
import type { PoolKind } from '../targets/target.ts'
import { sessionsOf, type Stretch, type Timeline } from '../timeline.ts'

/** What can be seen over time. */
export type PlotName = 'latency' | 'sessions' | 'logins' | 'failures'

/** What the plots of a run are drawn from: times in seconds, latencies in milliseconds, a value for each stretch. */
export interface PlotData {
  pool: PoolKind
  ceiling: number
  /** How long a stretch is. */
  step: number
  /** When each stretch ended. */
  at: number[]
  p50: (number | null)[]
  p99: (number | null)[]
  max: (number | null)[]
  /** By generation, four of which take turns: more are never there at once. */
  sessions: number[][]
  logins: number[]
  storeRequests: number[]
  failed: number[]
  open: number[]
  /** When no request was started any more. */
  stopped: number | null
  rotations: { rotation: number; from: number; to: number | null }[]
  /** Times with more callers than the pool has connections. */
  crowds: [from: number, to: number][]
}

/** Generations take them in turn. */
const colours = 4

export function plotDataOf({ run, timeline }: RecordedRun): PlotData {
  const { stretches } = timeline
  const each = <Value>(value: (stretch: Stretch) => Value): Value[] => stretches.map(value)
  return {
    pool: run.pool,
    ceiling: run.maxSessions,
    step: Number(((stretches[1]?.atMs ?? 100) - (stretches[0]?.atMs ?? 0)).toPrecision(1)) / 1000,
    at: each(({ atMs }) => inSeconds(atMs)),
    p50: each(({ latencyMs }) => rounded(latencyMs.p50)),
    p99: each(({ latencyMs }) => rounded(latencyMs.p99)),
    max: each(({ latencyMs }) => rounded(latencyMs.max)),
    sessions: Array.from({ length: colours }, (_, colour) =>
      each(({ generations }) => {
        const own = [...generations].filter(([generation]) => generation % colours === colour)
        return sessionsOf({ generations: new Map(own) })
      }),
    ),
    logins: each(({ logins }) => logins),
    storeRequests: each(({ storeRequests }) => storeRequests),
    failed: each(({ failed }) => failed),
    open: each(({ open }) => open),
    stopped: timeline.stoppedAtMs === undefined ? null : inSeconds(timeline.stoppedAtMs),
    rotations: timeline.marks.map(({ rotation, fromMs, toMs }) => {
      return { rotation, from: inSeconds(fromMs), to: toMs === undefined ? null : inSeconds(toMs) }
    }),
    crowds: crowdsOf(timeline),
  }
}

function crowdsOf({ stretches }: Timeline): [from: number, to: number][] {
  const crowds: [from: number, to: number][] = []
  let last: [from: number, to: number] | undefined
  for (const [index, { phase, atMs }] of stretches.entries()) {
    if (phase !== 'saturated') last = undefined
    else if (last !== undefined) last[1] = inSeconds(atMs)
    else {
      last = [inSeconds(stretches[index - 1]?.atMs ?? 0), inSeconds(atMs)]
      crowds.push(last)
    }
  }
  return crowds
}

function inSeconds(milliseconds: number): number {
  return Math.round(milliseconds / 10) / 100
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(3))
}
