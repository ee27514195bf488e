import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Recording } from '../recording.ts'
import {
  assertions,
  controlFailed,
  diagnosis,
  grouped,
  type DrillReport,
  type RunReport,
} from '../report.ts'
import { scenarios } from '../scenarios/index.ts'
import { rows } from '../table.ts'
import { markup, Markup } from './markup.ts'
import { plotDataOf } from './plot-data.ts'
import { plotSections } from './plots.ts'

/** What a report is of, beside what was found. */
export interface Circumstances {
  /** The command that does the same again. */
  command: string
  /** What it ran on: names and values. */
  environment: readonly (readonly [string, string])[]
}

/** One self-contained page: it asks for nothing from anywhere. */
export async function renderPage(
  report: DrillReport,
  { runs }: Recording,
  { command, environment }: Circumstances,
): Promise<string> {
  const [style, script, library] = await Promise.all([
    readFile(new URL('../../page/page.css', import.meta.url), 'utf8'),
    readFile(new URL('../../page/plots.js', import.meta.url), 'utf8'),
    readFile(chartLibrary(), 'utf8'),
  ])
  const styles = `${style}${legendColours}`
  const data = JSON.stringify(runs.map(plotDataOf))
  const wrong = diagnosis(report)
  const title = headline(report, wrong)
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src ${hash(styles)}; script-src ${hash(library)} ${hash(script)}"
        />
        <title>${title}: rotation drill on ${report.server}</title>
        <style>${new Markup(styles)}</style>
      </head>
      <body>
        <header>
          <p class="kicker">Rotation drill on ${report.server}</p>
          <h1>${title}</h1>
          <p class="lede">${verdict(wrong)}${lede(report)}</p>
          ${scenarioOf(report)}
          <ul class="plain bad">${wrong.map((line) => markup`<li>${line}</li>`)}</ul>
        </header>
        <main>
          <section aria-labelledby="found">
            <h2 id="found">What was found</h2>
            <div class="two">
              <div
                class="scroll"
                role="region"
                tabindex="0"
                aria-label="What was found, in figures"
              >
                ${figures(report.runs)}
              </div>
              <div>${report.runs.map(asserted)}</div>
            </div>
          </section>
          ${plotSections(runs)}
          <section aria-labelledby="failed">
            <h2 id="failed">What failed first</h2>
            ${report.runs.map(failures)}
          </section>
          <section aria-labelledby="environment">
            <h2 id="environment">Where it ran</h2>
            <dl>
              ${environment.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}
            </dl>
          </section>
          <section aria-labelledby="again">
            <h2 id="again">Run it again</h2>
            <pre tabindex="0"><code>${command}</code></pre>
          </section>
        </main>
        <script type="application/json" id="data">${new Markup(data)}</script>
        <script>${new Markup(library)}</script>
        <script type="module">${new Markup(script)}</script>
      </body>
    </html>
`.text
}

/** What its package.json names for a page that has no bundler. */
function chartLibrary(): string {
  return join(dirname(createRequire(import.meta.url).resolve('chart.js')), 'chart.umd.min.js')
}

/** By attribute: styles in the elements would need a policy that allows any. */
const legendColours = [
  ...['p50', 'p99', 'max', 'ceiling', 'logins', 'store', 'failed', 'open', 'band', 'crowd'],
  ...['generation-0', 'generation-1', 'generation-2', 'generation-3'],
]
  .map((name) => `[data-of='${name}']{--of:var(--${name})}`)
  .join('')

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

function headline({ runs }: DrillReport, wrong: readonly string[]): string {
  const judged = runs.find(({ pool }) => pool !== 'stock')
  if (judged === undefined) return 'Nothing was shown'
  const { rotations, failed, hung } = judged
  const counted = `${grouped(rotations)} ${rotations === 1 ? 'rotation' : 'rotations'}`
  const lost = failed + hung
  if (lost > 0) return `${counted}, ${grouped(lost)} ${lost === 1 ? 'request' : 'requests'} lost`
  return wrong.length === 0 ? `${counted}, not one request lost` : `${counted}, and not all is well`
}

function verdict(wrong: readonly string[]): Markup {
  return wrong.length === 0
    ? markup`<span class="verdict good">✓ Passed</span>`
    : markup`<span class="verdict bad">✗ Failed</span>`
}

function lede({ runs }: DrillReport): string {
  const control = runs.find(({ pool }) => pool === 'stock')
  if (control === undefined) {
    return 'Without a control nobody knows whether this drill could have failed.'
  }
  if (!controlFailed(control)) return 'The stock pool passed the same drill, so it proves nothing.'
  const { failed, hung, oldSessionsAtEnd } = control
  const counts = [
    `${grouped(failed)} failed`,
    `${grouped(hung)} hung`,
    `${grouped(oldSessionsAtEnd)} old sessions stayed`,
  ]
  return `The stock pool failed the same drill: ${counts.filter((count) => !count.startsWith('0 ')).join(', ')}.`
}

/** What happened in the rotations, and what has to be known about the result. */
function scenarioOf({ scenario: name = 'alternating-users', database }: DrillReport): Markup {
  if (database === 'own') return markup``
  const { sentence, remark } = scenarios[name]
  return markup`<p class="note">Scenario ${name}: ${sentence} ${remark ?? ''}</p>`
}

function figures(runs: readonly RunReport[]): Markup {
  const body = rows.map(
    ([name, value]) =>
      markup`<tr>
        <th scope="row">${name}</th>
        ${runs.map((run) => markup`<td>${value(run)}</td>`)}
      </tr>`,
  )
  return markup`<table>
    <thead>
      <tr>
        <th scope="col">pool</th>
        ${runs.map(({ pool }) => markup`<th scope="col">${pool}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`
}

function asserted(run: RunReport): Markup {
  if (run.pool === 'stock') {
    const failed = controlFailed(run)
    const text = failed ? 'failed the same drill, as it must' : 'passed the same drill'
    return markup`<h3>stock</h3>
      <ul class="plain">
        <li class="${failed ? 'good' : 'bad'}">${failed ? '✓' : '✗'} ${text}</li>
      </ul>`
  }
  const lines = assertions(run).map(
    ({ name, value, holds }) =>
      markup`<li class="${holds ? 'good' : 'bad'}">${holds ? '✓' : '✗'} ${name}: ${value}</li>`,
  )
  return markup`<h3>${run.pool}</h3>
    <ul class="plain">
      ${lines}
    </ul>`
}

function failures({ pool, errors }: RunReport): Markup {
  if (errors.length === 0) return markup`<h3>${pool}</h3><p class="note">Nothing.</p>`
  const inOrder = errors.toSorted((a, b) => a.first.atMs - b.first.atMs)
  const lines = inOrder.map(
    ({ code, message, count, first }) =>
      markup`<tr>
        <th scope="row">${(first.atMs / 1000).toFixed(1)} s</th>
        <td>${first.rotation === 0 ? 'before' : first.rotation}</td>
        <td class="text">${first.unit}</td>
        <td>${grouped(count)}</td>
        <td class="text">${code}</td>
        <td class="message">${message}</td>
      </tr>`,
  )
  const label = `What failed of ${pool}`
  return markup`<h3>${pool}</h3>
    <div class="scroll" role="region" tabindex="0" aria-label="${label}">
      <table>
        <thead>
          <tr>
            <th scope="col">first</th>
            <th scope="col">rotation</th>
            <th scope="col" class="text">unit</th>
            <th scope="col">count</th>
            <th scope="col" class="text">code</th>
            <th scope="col" class="text">what was said</th>
          </tr>
        </thead>
        <tbody>
          ${lines}
        </tbody>
      </table>
    </div>`
}
