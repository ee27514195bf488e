import { AssertionError } from 'node:assert'
import type { FailureGroup, Finding } from './failures.ts'
import type { LatencySummary } from './latency.ts'
import type { ScenarioName } from './scenarios/scenario.ts'
import type { Database, PoolKind } from './targets/target.ts'

/** What one pool did under the drill. */
export interface RunReport {
  pool: PoolKind
  /** Rotations that were carried out. */
  rotations: number
  /** Units of work, transactions and streams included. */
  started: number
  /** Those that came to an end, good or bad. */
  settled: number
  failed: number
  /** Those that had not come to an end when nothing moved any more. */
  hung: number
  errors: FailureGroup[]
  /** Of the short queries, from the moment each was due. */
  latencyMs: { steady: LatencySummary; rotating: LatencySummary }
  /** The most sessions of both accounts that the server had at once. */
  peakSessions: number
  maxSessions: number
  /** Sessions with old credentials after the pool had said that there are none, over all rotations. */
  oldSessionsAtEnd: number
  /** Outputs that carried a password. */
  secretsLeaked: number
  /**
   * Of the failed, in the scenarios in which that happens: those that were under way when the operator cut their account off,
   * or that had begun before a server that was killed was back.
   */
  unavoidable?: number
}

/** What `drill` resolves with, and what `--json` writes. */
export interface DrillReport {
  /** `own` is that of a workload. */
  database: Database | 'own'
  server: string
  /** Left out where it is the usual one, `alternating-users`. */
  scenario?: ScenarioName
  runs: RunReport[]
}

/** One thing that a run must be able to say of itself. */
export interface Assertion {
  name: string
  /** What was found. */
  value: string
  holds: boolean
}

/** What the drill asserts of a pool. */
export function assertions(run: RunReport): Assertion[] {
  const { started, settled, failed, hung, peakSessions, maxSessions } = run
  const unserved = findings(run, 'DRILL_NOT_SERVED')
  const undrained = findings(run, 'DRILL_NOT_DRAINED') + findings(run, 'DRILL_NOT_ENDED')
  const isNone = (name: string, count: number): Assertion => ({
    name,
    value: grouped(count),
    holds: count === 0,
  })
  return [
    {
      name: 'rotations',
      value: grouped(run.rotations),
      holds: run.rotations > 0 && findings(run, 'DRILL_NOT_ROTATED') === 0,
    },
    run.unavoidable === undefined
      ? isNone('failed requests', failed)
      : {
          name: 'failed requests, but for those that were cut off',
          value: `${grouped(failed - run.unavoidable)}, and ${grouped(run.unavoidable)}`,
          holds: failed === run.unavoidable,
        },
    isNone('hung requests', hung),
    {
      name: 'started = settled',
      value: `${grouped(started)} = ${grouped(settled)}`.replace(
        '=',
        started === settled ? '=' : '≠',
      ),
      holds: started === settled && started > 0,
    },
    isNone('old sessions after each drain', run.oldSessionsAtEnd),
    {
      name: 'peak sessions ≤ max',
      value: `${peakSessions} of ${maxSessions}`,
      holds: peakSessions <= maxSessions,
    },
    {
      name: 'every generation served',
      value: `${run.rotations + 1 - unserved} of ${run.rotations + 1}`,
      holds: unserved === 0,
    },
    isNone('rotations that did not end in time', undrained),
    isNone('secrets in any output', run.secretsLeaked),
  ]
}

/** Whether a control did what a control is for: requests that failed for its sake or hung, or old sessions that stayed. */
export function controlFailed(run: RunReport): boolean {
  return run.failed > (run.unavoidable ?? 0) || run.hung > 0 || run.oldSessionsAtEnd > 0
}

/** What is wrong with a report, in sentences; empty if it shows zero downtime and, where there was one, a control that failed. */
export function diagnosis(report: DrillReport): string[] {
  const found = report.runs.flatMap((run) => (run.pool === 'stock' ? [] : diagnose(run)))
  if (report.runs.every(({ pool }) => pool === 'stock')) {
    found.push('No run of rekey in the report.')
  }
  const control = report.runs.find(({ pool }) => pool === 'stock')
  if (control !== undefined && !controlFailed(control)) {
    found.push('The control passed: this drill proves nothing here.')
  }
  return found
}

/**
 * Throws unless a report shows zero downtime: every assertion holds for rekey, and the control, where there was one,
 * failed.
 *
 * @throws {AssertionError} with a diagnosis: what does not hold, and the first failure of each kind.
 *
 * @example
 * assertZeroDowntime(await drill({ rotations: 3 }))
 */
export function assertZeroDowntime(report: DrillReport): void {
  const found = diagnosis(report)
  if (found.length === 0) return
  const message = [`The drill on ${report.server} did not show zero downtime.`, ...found].join('\n')
  throw new AssertionError({ message })
}

/** The failures of a run, the most frequent first, each in one line. */
export function failureLines(run: RunReport): string[] {
  return byCount(run).map(failureLine)
}

function byCount(run: RunReport): FailureGroup[] {
  return run.errors.toSorted((a, b) => b.count - a.count)
}

function failureLine({ code, message, count, first }: FailureGroup): string {
  const where = first.rotation === 0 ? 'before any rotation' : `rotation ${first.rotation}`
  const when = `${(first.atMs / 1000).toFixed(1)} s`
  return `${grouped(count)} × ${code}: ${message} (first: ${first.unit}, ${where}, ${when})`
}

/** A whole number, with its thousands set apart. Not by Intl: its first use stops the process for 20 ms under load. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

function diagnose(run: RunReport): string[] {
  const broken = assertions(run).filter(({ holds }) => !holds)
  if (broken.length === 0) return []
  const lines = broken.map(({ name, value }) => `${run.pool}: ${name}: ${value}`)
  const failures = byCount(run).flatMap((group) => {
    const { pool } = group.first
    const line = `  ${failureLine(group)}`
    return pool === undefined ? [line] : [line, `    the pool at that moment: ${pool}`]
  })
  return [...lines, ...failures]
}

function findings(run: RunReport, code: Finding['code']): number {
  return run.errors
    .filter((group) => group.code === code)
    .reduce((sum, { count }) => sum + count, 0)
}
