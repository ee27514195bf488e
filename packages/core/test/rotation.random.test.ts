import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anySchedule, anySetting, smallest } from './random-schedule.ts'
import { runSchedule, type Operation, type Setting } from './rotation-schedule.ts'

const seed = Number(process.env['REKEY_SEED'] ?? 20_261_123)
const runs = Number(process.env['REKEY_RUNS'] ?? 10_000)

// What nobody hears becomes a warning of the process, and here a warning is a failure.
const channels = ['rekey:candidate-refused', 'rekey:refresh-error', 'rekey:stalled']
const hear = (): void => {}

// Errors are made by the thousand, and nobody reads where.
const { stackTraceLimit } = Error

beforeAll(() => {
  for (const channel of channels) subscribe(channel, hear)
  Error.stackTraceLimit = 0
})

afterAll(() => {
  for (const channel of channels) unsubscribe(channel, hear)
  Error.stackTraceLimit = stackTraceLimit
})

test(`${runs} random schedules hold R1 to R7 and R9 to R13 (REKEY_SEED=${seed})`, async () => {
  const surprises: unknown[] = []
  const onSurprise = (surprise: unknown): void => void surprises.push(surprise)
  process.on('unhandledRejection', onSurprise)
  process.on('warning', onSurprise)
  const property = fc.asyncProperty(anySetting, anySchedule, async (setting, operations) => {
    const violations = await runSchedule(setting, operations)
    expect([...violations, ...surprises.splice(0).map(String)]).toEqual([])
  })
  const result = await fc.check(property, { seed, numRuns: runs })
  process.off('unhandledRejection', onSurprise)
  process.off('warning', onSurprise)
  if (result.failed) throw new Error(await story(result))
}, 600_000)

/** The smallest schedule that still fails, and what happens in it. */
async function story(result: fc.RunDetails<[Setting, Operation[]]>): Promise<string> {
  const [setting, shrunk] = result.counterexample ?? []
  if (setting === undefined || shrunk === undefined) return fc.defaultReportMessage(result) ?? ''
  const operations = await smallest(setting, shrunk)
  const lines: string[] = []
  await runSchedule(setting, operations, (line) => lines.push(line))
  return [
    `REKEY_SEED=${result.seed} failed in run ${result.numRuns}. The smallest schedule that fails:`,
    `setting: ${JSON.stringify(setting)}`,
    ...operations.map((operation) => `  ${JSON.stringify(operation)},`),
    'What happens in it:',
    ...lines,
    result.errorInstance instanceof Error ? result.errorInstance.message : '',
  ].join('\n')
}
