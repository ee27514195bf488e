import { AssertionError } from 'node:assert'
import { expect, test } from 'vitest'
import type { FailureGroup } from '../src/failures.ts'
import { assertions, assertZeroDowntime, controlFailed, diagnosis } from '../src/report.ts'
import type { RunReport } from '../src/report.ts'
import { aReport, aRun } from './a-report.ts'

const control = aRun({ pool: 'stock', settled: 12_300, hung: 45 })

function found(code: string): FailureGroup {
  const first = { unit: 'rotation', rotation: 3, atMs: 4_567 }
  return { code, message: 'as found', count: 2, first }
}

function broken(run: RunReport): string[] {
  return assertions(run).flatMap(({ name, holds }) => (holds ? [] : [name]))
}

test('a good run holds every assertion, each with its value', () => {
  const lines = assertions(aRun()).map(({ name, value, holds }) => `${holds} ${name}: ${value}`)
  expect(lines).toEqual([
    'true rotations: 10',
    'true failed requests: 0',
    'true hung requests: 0',
    'true started = settled: 12,345 = 12,345',
    'true old sessions after each drain: 0',
    'true peak sessions ≤ max: 20 of 20',
    'true every generation served: 11 of 11',
    'true rotations that did not end in time: 0',
    'true secrets in any output: 0',
  ])
  expect(() => assertZeroDowntime(aReport(aRun(), control))).not.toThrow()
  expect(() => assertZeroDowntime(aReport(aRun()))).not.toThrow()
})

test.each<[Partial<RunReport>, string, string]>([
  [{ rotations: 0 }, 'rotations', '0'],
  [{ failed: 1 }, 'failed requests', '1'],
  [{ hung: 1 }, 'hung requests', '1'],
  [{ settled: 12_344 }, 'started = settled', '12,345 ≠ 12,344'],
  [{ started: 0, settled: 0 }, 'started = settled', '0 = 0'],
  [{ oldSessionsAtEnd: 2 }, 'old sessions after each drain', '2'],
  [{ peakSessions: 21 }, 'peak sessions ≤ max', '21 of 20'],
  [{ errors: [found('DRILL_NOT_SERVED')] }, 'every generation served', '9 of 11'],
  [{ errors: [found('DRILL_NOT_DRAINED')] }, 'rotations that did not end in time', '2'],
  [{ errors: [found('DRILL_NOT_ENDED')] }, 'rotations that did not end in time', '2'],
  [{ secretsLeaked: 1 }, 'secrets in any output', '1'],
])('%j breaks one assertion, and only that one', (given, name, value) => {
  const run = aRun(given)
  expect(broken(run)).toEqual([name])
  expect(() => assertZeroDowntime(aReport(run, control))).toThrow(AssertionError)
  expect(() => assertZeroDowntime(aReport(run, control))).toThrow(`rekey: ${name}: ${value}`)
})

test('the diagnosis says what failed first, where and when', () => {
  const run = aRun({ failed: 2, errors: [found('57P01')] })
  expect(diagnosis(aReport(run))).toEqual([
    'rekey: failed requests: 2',
    '  2 × 57P01: as found (first: rotation, rotation 3, 4.6 s)',
  ])
})

test.each<[Partial<RunReport>, boolean]>([
  [{ failed: 1 }, true],
  [{ hung: 1 }, true],
  [{ oldSessionsAtEnd: 1 }, true],
  [{ peakSessions: 40 }, false],
  [{}, false],
])('a control with %j failed: %s', (given, failed) => {
  expect(controlFailed(aRun({ pool: 'stock', ...given }))).toBe(failed)
})

test('a control that passes means that the drill proves nothing', () => {
  const report = aReport(aRun(), aRun({ pool: 'stock' }))
  expect(() => assertZeroDowntime(report)).toThrow('The control passed: this drill proves nothing')
})

test('a report without a run of rekey shows nothing', () => {
  expect(() => assertZeroDowntime(aReport(control))).toThrow('No run of rekey in the report.')
})
