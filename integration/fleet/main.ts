// Prints how a simulated fleet of 10,000 asks its store, over one day each. With `--processes 200` it starts so many real ones,
// rotates five times (`--rotations`), and ends with 1 where a request has failed or the simulation has not predicted what it saw.

import { parseArgs } from 'node:util'
import { table } from '../bench/table.ts'
import { startServer } from '../servers/start.ts'
import { timeOf } from './compare.ts'
import { measureAll, type Measured } from './measure.ts'
import { hasPassed, runProcesses, type FleetOutcome } from './processes.ts'

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

function printSimulation(): void {
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
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(2)} s`

function printOutcome(outcome: FleetOutcome): void {
  const { served, failures, refusedLogins, rotations, busy, comparison } = outcome
  const rows = rotations.map((noticed, index) => [
    `rotation ${index + 1}`,
    ...[0.5, 0.99, 1].map((share) => seconds(timeOf(share, noticed))),
  ])
  console.log(table(['known to', '50 %', '99 %', '100 %'], rows))
  for (const { share, measured, earliest, latest, isPredicted } of comparison) {
    console.log(
      `${share * 100} % of all: ${seconds(measured)}, simulated ${seconds(earliest)} to ${seconds(latest)}, ` +
        `and up to ${seconds(busy)} for busy processors: ${isPredicted ? 'as predicted' : 'NOT as predicted'}`,
    )
  }
  console.log(
    `${served} requests served, ${failures.length} failed, ${refusedLogins} logins refused`,
  )
  for (const failure of new Set(failures)) console.log(failure)
}

async function runFleet(processes: number, rotations: number): Promise<boolean> {
  const postgres = await startServer('postgres', { way: 'native', tls: false })
  try {
    const outcome = await runProcesses({ processes, rotations, push: 2_000, postgres })
    printOutcome(outcome)
    return hasPassed(outcome)
  } finally {
    await postgres.stop()
  }
}

const { values } = parseArgs({
  options: { processes: { type: 'string' }, rotations: { type: 'string', default: '5' } },
})
if (values.processes === undefined) printSimulation()
else if (!(await runFleet(Number(values.processes), Number(values.rotations)))) process.exitCode = 1
