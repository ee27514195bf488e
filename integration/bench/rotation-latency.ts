import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad, type Request } from './load.ts'
import { monotonic } from './monotonic.ts'
import { percentile } from './percentile.ts'
import type { Recipe } from './recipes.ts'
import { watchSessions } from './sessions.ts'
import type { Pool, Server, Subject } from './subject.ts'

export interface Plan {
  readonly max: number
  /** Requests a second. */
  readonly rate: number
  /** A stock pool at rest is under the same load all the time, in the same process. */
  readonly beside?: boolean
  readonly rotations: number
  /** Milliseconds of undisturbed load before each rotation: together they are the steady state. */
  readonly steady: number
  /** The windows from publishing on that are looked at, in milliseconds, whether drained or not. The last is the longest. */
  readonly windows: readonly number[]
}

/** Latencies in milliseconds, of short queries, from their scheduled starts. */
export interface Span {
  readonly requests: number
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

export interface Result {
  readonly steady: Span
  /** From publishing until the last old connection was closed; `undefined` where the recipe does not tell. */
  readonly untilDrained: Span | undefined
  /** What a stock pool at rest answered meanwhile; `undefined` without one, or without an end. */
  readonly besideUntilDrained: Span | undefined
  /** Milliseconds from publishing until then, on average. */
  readonly drainedAfter: number | undefined
  /** Of each of the plan's windows, from publishing on, drained or not. */
  readonly windows: readonly Span[]
  /** Until drained or until the longest window has passed, whichever is later. */
  readonly whole: Span
  readonly started: number
  readonly failed: number
  readonly unsettled: number
  readonly peakSessions: number
  readonly maxSessions: number
  readonly oldSessionsAtEnd: number
}

interface Window {
  from: number
  to: number
}

// Long enough for the compiler to have seen every path, and the server every cache.
const warmUp = 2_000
const settle = 300

/** Rotates a pool under an open-loop load, and tells the steady state from the rotations. */
export async function measureRotation(
  subject: Subject,
  server: Server,
  recipe: Recipe,
  plan: Plan,
  signal: AbortSignal,
): Promise<Result> {
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal })
  const beside = plan.beside ? await openBeside(subject, server, plan) : undefined
  const target = recipe(subject, server, plan.max)
  const longest = plan.windows.at(-1) ?? 0
  const steady: Window[] = []
  const rotating: Window[] = []
  await openAll(target, plan.max - subject.shared)
  const sessions = await watchSessions(server, 20, beside?.sessions)
  const load = startLoad(target, plan.rate, subject)
  const loadBeside = beside && startLoad(beside.pool, plan.rate, subject)
  try {
    await pause(warmUp)
    let current = server.accounts[0]
    let previous = server.accounts[1]
    let before: readonly string[] = []
    for (let rotation = 0; rotation < plan.rotations; rotation += 1) {
      const quietFrom = monotonic()
      await pause(plan.steady)
      before = await sessions.now()
      const publishedAt = monotonic()
      ;[current, previous] = [previous, current]
      const window = { from: publishedAt, to: publishedAt }
      const done = target.rotate(current).then(() => (window.to = monotonic()))
      await Promise.all([done, pause(longest)])
      steady.push({ from: quietFrom, to: publishedAt })
      rotating.push(window)
      // What a recipe has closed is opened again, so that each rotation meets a full pool.
      await openAll(target, plan.max - subject.shared)
      await pause(settle)
    }
    const left = await sessions.now()
    const oldSessionsAtEnd = left.filter((session) => before.includes(session)).length
    const { started } = await load.stop()
    await loadBeside?.stop()
    const first = (length: number): Window[] =>
      rotating.map(({ from }) => ({ from, to: from + length }))
    const whole = rotating.map(({ from, to }) => ({ from, to: Math.max(to, from + longest) }))
    return {
      steady: spanOf(load.requests, steady, isInside),
      untilDrained: target.drains ? spanOf(load.requests, rotating, touches) : undefined,
      besideUntilDrained:
        loadBeside && target.drains ? spanOf(loadBeside.requests, rotating, touches) : undefined,
      drainedAfter: target.drains ? meanLength(rotating) : undefined,
      windows: plan.windows.map((length) => spanOf(load.requests, first(length), touches)),
      whole: spanOf(load.requests, whole, touches),
      started,
      failed: load.requests.filter(({ failed }) => failed).length,
      unsettled: started - load.requests.length,
      peakSessions: sessions.peak,
      maxSessions: plan.max,
      oldSessionsAtEnd,
    }
  } finally {
    await load.stop()
    await loadBeside?.stop()
    await sessions.stop()
    await target.end()
    await beside?.pool.end()
  }
}

/** A pool that nothing rotates, full from the start, and which sessions are its own. */
async function openBeside(
  subject: Subject,
  server: Server,
  { max }: Plan,
): Promise<{ pool: Pool; sessions: ReadonlySet<string> }> {
  const pool = subject.openStock(server.address, max, server.accounts[0])
  await openAll(pool, max - subject.shared)
  const lookout = await server.lookout()
  const sessions = new Set(await lookout.sessions())
  await lookout.end()
  return { pool, sessions }
}

/** Holds as many connections as there may be at the same time, so that all of them are open. */
async function openAll(target: Pool, max: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: max }, () => target.connect()))
  for (const client of clients) client.release()
}

function meanLength(windows: readonly Window[]): number {
  return windows.reduce((sum, { from, to }) => sum + to - from, 0) / windows.length
}

function isInside({ scheduledAt, settledAt }: Request, { from, to }: Window): boolean {
  return scheduledAt >= from && settledAt < to
}

function touches({ scheduledAt, settledAt }: Request, { from, to }: Window): boolean {
  return settledAt >= from && scheduledAt < to
}

function spanOf(
  requests: readonly Request[],
  windows: readonly Window[],
  belongs: (request: Request, window: Window) => boolean,
): Span {
  const latencies = requests
    .filter(({ kind }) => kind === 'short')
    .filter((request) => windows.some((window) => belongs(request, window)))
    .map(({ scheduledAt, settledAt }) => settledAt - scheduledAt)
  return {
    requests: latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    worst: Math.max(...latencies),
  }
}
