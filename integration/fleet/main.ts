// Prints how a simulated fleet of 10,000 asks its store, over one day each; with `--processes 200` it starts so many real
// ones, and rotates five times.

import { parseArgs } from 'node:util'
import { table } from '../bench/table.ts'
import { measureAll, type Measured } from './measure.ts'

const bars = '▁▂▃▄▅▆▇█'

/** One bar a minute; the highest is the most of this line. */
function plot(values: readonly number[]): string {
  const most = Math.max(...values)
  return values.map((value) => bars[Math.round((value / most) * (bars.length - 1))]).join('')
}

function row(name: string, { peaks, changed = [], logins }: Measured): string[] {
  const { starting, steady, down, after } = peaks
  const peak = [starting, steady, down, after].map((value) => value?.toFixed(2) ?? '')
  const seconds = [0, 1, 2].map((index) => changed[index])
  return [
    name,
    ...peak,
    ...seconds.map((value) => (value === undefined ? '' : `${(value / 1_000).toFixed(1)} s`)),
    logins === undefined ? '' : String(logins.first),
    logins === undefined ? '' : String(logins.later),
  ]
}

function printSimulation(): number {
  const all = measureAll()
  const head = [
    '',
    'starting',
    'steady',
    'down',
    'after',
    '50 %',
    '99 %',
    '100 %',
    'logins/s at once',
    'later',
  ]
  console.log(
    table(
      head,
      Object.entries(all).map(([name, measured]) => row(name, measured)),
    ),
  )
  for (const [name, { noon, mean }] of Object.entries(all)) {
    const most = Math.max(...noon).toFixed(0)
    console.log(
      `\n${name}: questions/s from 11:45 to 12:45, at most ${most}, on average ${mean.toFixed(0)}`,
    )
    console.log(plot(noon))
  }
  return 0
}

const { values } = parseArgs({ options: { processes: { type: 'string' } } })
if (values.processes === undefined) process.exitCode = printSimulation()
else {
  const { runProcesses } = await import('./processes.ts')
  process.exitCode = await runProcesses(Number(values.processes), 5)
}
