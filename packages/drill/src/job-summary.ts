import {
  controlFailed,
  diagnosis,
  failureLines,
  grouped,
  type DrillReport,
  type RunReport,
} from './report.ts'
import { rows } from './table.ts'

/** How many kinds of failure are shown of each pool. */
const shownFailures = 5

/** The report in Markdown, as GitHub Actions shows it on the page of a run. */
export function jobSummary(report: DrillReport): string {
  const { runs, server } = report
  const wrong = diagnosis(report)
  const control = runs.find(({ pool }) => pool === 'stock')
  const lines = [
    `### ${wrong.length === 0 ? '✅' : '❌'} Rotation drill on ${cell(server)}`,
    '',
    wrong.length === 0 ? 'Zero downtime.' : 'Not zero downtime:',
    ...wrong.map((line) => `- ${cell(line.trim())}`),
    control === undefined
      ? 'Without a control nobody knows whether this drill could have failed.'
      : `The stock pool ${controlFailed(control) ? 'failed' : 'passed'} the same drill.`,
    '',
    row(
      '',
      runs.map(({ pool }) => pool),
    ),
    row(
      '---',
      runs.map(() => '---:'),
    ),
    ...rows.map(([name, value]) => row(name, runs.map(value))),
    '',
    ...runs.flatMap(failures),
  ]
  return `${lines.join('\n')}\n`
}

function failures(run: RunReport): string[] {
  if (run.errors.length === 0) return []
  const all = failureLines(run)
  const shown = all.slice(0, shownFailures).map((line) => `- ${cell(line)}`)
  const more = all.length - shown.length
  return [
    `<details><summary>${run.pool}: ${grouped(run.failed + run.hung)} requests lost</summary>`,
    '',
    ...shown,
    ...(more > 0 ? [`- and ${more} more kinds of failure`] : []),
    '',
    '</details>',
    '',
  ]
}

function row(name: string, values: string[]): string {
  return `| ${[name, ...values].join(' | ')} |`
}

/** What a server says is text, whatever it looks like. */
function cell(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[&<>|`*_[\]\\]/g, (character) => `&#${character.charCodeAt(0)};`)
}
