import { table } from '../bench/table.ts'
import { timeOf } from './compare.ts'
import type { Measured } from './measure.ts'
import type { FleetOutcome } from './processes.ts'

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

const peaks = ['starting', 'steady', 'down', 'after']
const head = ['', ...peaks, '50 %', '99 %', '100 %', 'logins/s at once', 'later']

/** What a simulated fleet asks, as the command prints it. */
export function reportSimulation(all: Readonly<Record<string, Measured>>): string {
  const rows = Object.entries(all).map(([name, measured]) => row(name, measured))
  const plots = Object.entries(all).map(([name, { noon, mean }]) => {
    const most = Math.max(...noon).toFixed(0)
    const what = `questions/s from 11:45 to 12:45, at most ${most}, on average ${mean.toFixed(0)}`
    return `\n${name}: ${what}\n${plot(noon)}`
  })
  return [table(head, rows), ...plots].join('\n')
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(2)} s`

/** What real processes did, and what the simulation says of it, as the command prints it. */
export function reportOutcome(outcome: FleetOutcome): string {
  const { served, failures, refusedLogins, noticed, comparison } = outcome
  const rows = noticed.map((times, index) => [
    `rotation ${index + 1}`,
    ...[0.5, 0.99, 1].map((share) => seconds(timeOf(share, times))),
  ])
  const compared = comparison.map(({ what, measured, least, most, isPredicted }) => [
    what,
    ...[measured, least, most].map(seconds),
    isPredicted ? 'as predicted' : 'NOT as predicted',
  ])
  return [
    table(['known to', '50 %', '99 %', '100 %'], rows),
    '',
    table(['of all rotations', 'measured', 'simulated from', 'to', ''], compared),
    '',
    `${served} requests served, ${failures.length} failed, ${refusedLogins} logins refused`,
    ...new Set(failures),
  ].join('\n')
}
