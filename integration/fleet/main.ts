// Prints how a simulated fleet of 10,000 asks its store, over one day each. With `--processes 200` it starts so many real ones,
// rotates five times (`--rotations`), and ends with 1 where a request has failed or the simulation has not predicted what it saw.
// Real ones poll every 20 seconds, so that what a busy machine delays is little of it.

import { parseArgs } from 'node:util'
import { startServer } from '../servers/start.ts'
import { measureAll } from './measure.ts'
import { hasPassed, runProcesses } from './processes.ts'
import { reportOutcome, reportSimulation } from './report.ts'

async function runFleet(processes: number, rotations: number): Promise<boolean> {
  const postgres = await startServer('postgres', { way: 'native', tls: false })
  try {
    const outcome = await runProcesses({ processes, rotations, ttl: 20_000, postgres })
    console.log(reportOutcome(outcome))
    return hasPassed(outcome)
  } finally {
    await postgres.stop()
  }
}

const { values } = parseArgs({
  options: { processes: { type: 'string' }, rotations: { type: 'string', default: '5' } },
})
if (values.processes === undefined) console.log(reportSimulation(measureAll()))
else if (!(await runFleet(Number(values.processes), Number(values.rotations)))) process.exitCode = 1
