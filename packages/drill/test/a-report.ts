import type { DrillEvent } from '../src/events.ts'
import type { DrillReport, RunReport } from '../src/report.ts'

/** A run that shows zero downtime. */
export function aRun(given: Partial<RunReport> = {}): RunReport {
  return {
    pool: 'rekey',
    rotations: 10,
    started: 12_345,
    settled: 12_345,
    failed: 0,
    hung: 0,
    errors: [],
    latencyMs: {
      steady: { p50: 0.8, p99: 2.25, max: 5 },
      rotating: { p50: 0.9, p99: 2.5, max: 15.25 },
    },
    peakSessions: 20,
    maxSessions: 20,
    oldSessionsAtEnd: 0,
    secretsLeaked: 0,
    ...given,
  }
}

/** A report with these runs. */
export function aReport(...runs: RunReport[]): DrillReport {
  return { database: 'postgres', server: 'PostgreSQL 18.4', runs }
}

/** What a drill tells ten times a second. */
export function aProgress(
  given: Partial<Extract<DrillEvent, { type: 'progress' }>> = {},
): Extract<DrillEvent, { type: 'progress' }> {
  return {
    ...{ type: 'progress', pool: 'rekey', rotation: 1, rotations: 10, phase: 'steady' },
    ...{ started: 400, settled: 400, failed: 0, atMs: 1_000 },
    sessions: new Map([['a', 20]]),
    latencyMs: { p50: 0.8, p99: 2.25, max: 5 },
    generations: new Map([[0, 20]]),
    ...{ logins: 20, storeRequests: 1 },
    ...given,
  }
}
