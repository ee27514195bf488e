import type { RecordedRun } from '../recording.ts'
import { grouped } from '../report.ts'
import { milliseconds } from '../table.ts'
import { join, sessionsOf, type Stretch } from '../timeline.ts'
import { markup, type Markup } from './markup.ts'
import type { PlotName } from './plot-data.ts'

/** A plot, and the same in words: of a part of a run, all stretches of it joined. */
interface Plot {
  readonly name: PlotName
  readonly title: string
  readonly explanation: string
  /** What each colour stands for. */
  readonly legend: readonly { of: string; shape?: 'thin' | 'thin dashed' | 'mark'; label: string }[]
  readonly columns: readonly { name: string; value: (part: Stretch) => string }[]
}

const plots: readonly Plot[] = [
  {
    name: 'latency',
    title: 'Latency over time',
    explanation:
      'Of the short queries, each counted from the moment it was due. Where nothing is drawn, none was answered; where fewer ' +
      'than a hundred were, p99 is the slowest. In a crowd there are more callers than connections, and a query waits for its turn.',
    legend: [
      { of: 'p50', shape: 'thin', label: 'p50' },
      { of: 'p99', shape: 'thin', label: 'p99' },
      { of: 'max', shape: 'thin', label: 'max' },
    ],
    columns: [
      { name: 'p50', value: ({ latencyMs }) => milliseconds(latencyMs.p50) },
      { name: 'p99', value: ({ latencyMs }) => milliseconds(latencyMs.p99) },
      { name: 'max', value: ({ latencyMs }) => milliseconds(latencyMs.max) },
    ],
  },
  {
    name: 'sessions',
    title: 'Sessions by generation',
    explanation:
      'As the server counts them, one above the other; a generation is what was opened with one version of the credentials, which ' +
      'its account tells, or, where that stays the same, when it was first seen. ' +
      'After each rotation the old account is locked, and the sessions that it still has are killed.',
    legend: [
      { of: 'generation-0', label: 'generations in turn: first' },
      { of: 'generation-1', label: 'second' },
      { of: 'generation-2', label: 'third' },
      { of: 'generation-3', label: 'fourth' },
      { of: 'ceiling', shape: 'thin dashed', label: 'ceiling' },
    ],
    columns: [{ name: 'most', value: (part) => grouped(sessionsOf(part)) }],
  },
  {
    name: 'logins',
    title: 'Logins and store requests',
    explanation:
      'Connections that were opened and have logged in, and how often the pool asked for credentials. An open connection ' +
      'that logs in anew, as Redis and Valkey let it, is not counted.',
    legend: [
      { of: 'logins', label: 'logins' },
      { of: 'store', shape: 'mark', label: 'store requests' },
    ],
    columns: [
      { name: 'logins', value: ({ logins }) => grouped(logins) },
      { name: 'store requests', value: ({ storeRequests }) => grouped(storeRequests) },
    ],
  },
  {
    name: 'failures',
    title: 'Failed and open requests',
    explanation: 'Open are those under way or waiting; what stays open to the end hangs.',
    legend: [
      { of: 'failed', label: 'failed' },
      { of: 'open', shape: 'thin', label: 'open' },
    ],
    columns: [
      { name: 'failed', value: ({ failed }) => grouped(failed) },
      { name: 'most open', value: ({ open }) => grouped(open) },
    ],
  },
]

/** All plots of these runs, each with its table. */
export function plotSections(runs: readonly RecordedRun[]): Markup[] {
  return plots.map((plot) => section(plot, runs))
}

function section(plot: Plot, runs: readonly RecordedRun[]): Markup {
  const { name, title, legend } = plot
  const explanation = [plot.explanation, ...(isUncounted(plot, runs) ? [uncounted] : [])].join(' ')
  const shapes = legend.map(
    ({ of, shape, label }) =>
      markup`<li><i class="${shape ?? ''}" data-of="${of}"></i>${label}</li>`,
  )
  const common = markup`<li><i data-of="band"></i>rotation</li><li><i data-of="crowd"></i>crowd</li>`
  const panels = runs.map(
    (recorded, index) =>
      markup`<div class="plot">
        <h3>${recorded.run.pool}</h3>
        <div class="canvas">
          <canvas data-run="${index}" role="img" aria-label="${inWords(plot, recorded)}"></canvas>
        </div>
      </div>`,
  )
  return markup`<section aria-labelledby="${name}">
    <h2 id="${name}">${title}</h2>
    <p class="note">${explanation}</p>
    <ul class="legend">
      ${shapes}${common}
    </ul>
    <figure data-plot="${name}">
      <div
        class="panels two"
        role="group"
        tabindex="0"
        aria-label="${title}. The arrow keys move along the time."
      >
        ${panels}
      </div>
      <output class="readout" aria-live="polite">
        Point at a plot, or move along it with the arrow keys, to read its values.
      </output>
    </figure>
    <details>
      <summary>${title}, as a table</summary>
      <div class="scroll" role="region" tabindex="0" aria-label="${title}, as a table">
        ${table(plot, runs)}
      </div>
    </details>
  </section>
`
}

/** What is said where a workload counts no logins. */
const uncounted = 'A workload’s logins are counted if its open() calls onLogin; this one has not.'

function isUncounted({ name }: Plot, runs: readonly RecordedRun[]): boolean {
  return (
    name === 'logins' &&
    runs.some(
      ({ run, timeline: { stretches } }) =>
        run.pool === 'own' && stretches.every(({ logins }) => logins === 0),
    )
  )
}

function inWords(plot: Plot, { run, timeline }: RecordedRun): string {
  const whole = joined(timeline.stretches)
  const values = plot.columns.map(({ name, value }) => `${name} ${whole ? value(whole) : 'none'}`)
  return `${plot.title} of ${run.pool}, over ${run.rotations} rotations: ${values.join(', ')}. The table has it by rotation.`
}

/** A row for each rotation, from its beginning to that of the next. */
function table({ columns }: Plot, runs: readonly RecordedRun[]): Markup {
  const longest = Math.max(...runs.map(({ timeline }) => timeline.marks.length))
  const pools = runs.map(
    ({ run }) => markup`<th scope="colgroup" colspan="${columns.length}">${run.pool}</th>`,
  )
  const heads = runs.map(
    () => markup`${columns.map(({ name }) => markup`<th scope="col">${name}</th>`)}`,
  )
  const rows = Array.from({ length: longest + 1 }, (_, rotation) => {
    const cells = runs.map(({ timeline: { marks, stretches } }) => {
      const from = rotation === 0 ? 0 : (marks[rotation - 1]?.fromMs ?? Infinity)
      const to = marks[rotation]?.fromMs ?? Infinity
      const part = joined(stretches.filter(({ atMs }) => atMs > from && atMs <= to))
      return markup`${columns.map(({ value }) => markup`<td>${part ? value(part) : '–'}</td>`)}`
    })
    return markup`<tr>
      <th scope="row">${rotation === 0 ? 'before' : rotation}</th>
      ${cells}
    </tr>`
  })
  return markup`<table>
    <caption>
      From the beginning of each rotation to that of the next; of a latency, the worst tenth of a
      second.
    </caption>
    <thead>
      <tr>
        <td></td>
        ${pools}
      </tr>
      <tr>
        <th scope="col">rotation</th>
        ${heads}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}

function joined(stretches: readonly Stretch[]): Stretch | undefined {
  return stretches.length === 0 ? undefined : stretches.reduce(join)
}
