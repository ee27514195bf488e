import { assertions, controlFailed, diagnosis, failureLines, grouped } from './report.ts'
import type { DrillReport, RunReport } from './report.ts'

/** How to emphasise: takes a text and gives it back, with colours where there are any. */
export interface Palette {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly quiet: (text: string) => string
}

const nameWidth = 28

/** How many kinds of failure are shown of each pool. */
const shownFailures = 5

/** What is said of a run in figures. */
export const rows: readonly (readonly [string, (run: RunReport) => string])[] = [
  ['rotations', (run) => grouped(run.rotations)],
  ['requests started', (run) => grouped(run.started)],
  ['requests settled', (run) => grouped(run.settled)],
  ['failed', (run) => grouped(run.failed)],
  ['hung', (run) => grouped(run.hung)],
  ['sessions left after drains', (run) => grouped(run.oldSessionsAtEnd)],
  ['peak sessions (of max)', (run) => `${run.peakSessions} (${run.maxSessions})`],
  ['steady p50', (run) => milliseconds(run.latencyMs.steady.p50)],
  ['steady p99', (run) => milliseconds(run.latencyMs.steady.p99)],
  ['steady worst', (run) => milliseconds(run.latencyMs.steady.max)],
  ['rotating p50', (run) => milliseconds(run.latencyMs.rotating.p50)],
  ['rotating p99', (run) => milliseconds(run.latencyMs.rotating.p99)],
  ['rotating worst', (run) => milliseconds(run.latencyMs.rotating.max)],
  ['secrets in any output', (run) => grouped(run.secretsLeaked)],
]

/** The report as text: the pools side by side, what is asserted, what failed, and the verdict. */
export function table({ server, ...report }: DrillReport, palette: Palette): string {
  const { runs } = report
  const lines = [
    ...heading(
      server,
      runs.map(({ pool }) => pool),
    ),
    ...rows.map(([name, value]) => row(name, runs.map(value))),
    '',
  ]
  for (const run of runs) {
    if (run.pool === 'rekey') {
      for (const { name, value, holds } of assertions(run)) {
        const text = `${holds ? '✓' : '✗'} ${name}: ${value}`
        lines.push(holds ? palette.good(text) : palette.bad(text))
      }
    } else if (controlFailed(run)) {
      lines.push(palette.good('✓ the stock pool failed the same drill'))
    } else lines.push(palette.bad('✗ the stock pool passed the same drill'))
  }
  for (const run of runs) {
    if (run.errors.length === 0) continue
    lines.push('', `${run.pool}: what failed`)
    const failures = failureLines(run)
    lines.push(...failures.slice(0, shownFailures).map((line) => palette.quiet(`  ${line}`)))
    const more = failures.length - shownFailures
    if (more > 0) lines.push(palette.quiet(`  and ${more} more kinds of failure`))
  }
  const found = diagnosis({ server, ...report })
  lines.push('', found.length === 0 ? palette.good('Passed.') : palette.bad('Failed.'))
  if (!runs.some(({ pool }) => pool === 'stock')) {
    lines.push(
      palette.quiet('Without a control nobody knows whether this drill could have failed.'),
    )
  } else if (found.some((line) => line.includes('proves nothing'))) lines.push(found.at(-1) ?? '')
  return `${lines.join('\n')}\n`
}

/** A latency for a person: two significant parts are enough. */
export function milliseconds(value: number | null): string {
  if (value === null) return '–'
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`
}

/** A name that has no room in its column has a line of its own. */
function heading(name: string, values: string[]): string[] {
  return name.length < nameWidth ? [row(name, values)] : [name, row('', values)]
}

function row(name: string, values: string[]): string {
  return `${name.padEnd(nameWidth)}${values.map((value) => value.padStart(14)).join('')}`
}
