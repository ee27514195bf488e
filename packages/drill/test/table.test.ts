import { expect, test } from 'vitest'
import { table } from '../src/table.ts'
import { aReport, aRun } from './a-report.ts'

const marked = {
  good: (text: string) => text,
  bad: (text: string) => `!${text}`,
  quiet: (text: string) => text,
}
const control = aRun({ pool: 'stock', settled: 12_300, hung: 45, peakSessions: 31 })

test('both pools stand side by side, and the verdict is the last word', () => {
  const lines = table(aReport(aRun(), control), marked).split('\n')
  expect(lines).toContain('PostgreSQL 18.4                      rekey         stock')
  expect(lines).toContain('hung                                     0            45')
  expect(lines).toContain('rotating p99                       2.50 ms       2.50 ms')
  expect(lines).toContain('rotating worst                     15.3 ms       15.3 ms')
  expect(lines).toContain('✓ the stock pool failed the same drill')
  expect(lines.at(-2)).toBe('Passed.')
})

test('a server with a long name has a line of its own', () => {
  const server = 'PostgreSQL 18.4 behind PgBouncer 1.26.1 (transaction mode)'
  const lines = table({ ...aReport(aRun(), control), server }, marked).split('\n')
  expect(lines.slice(0, 2)).toEqual([server, `${' '.repeat(28)}         rekey         stock`])
})

test('what does not hold is marked, with what failed', () => {
  const first = { unit: 'query', rotation: 1, atMs: 1_500 }
  const errors = Array.from({ length: 7 }, (_, kind) => {
    return { code: '57P01', message: `kind ${kind}`, count: 7 - kind, first }
  })
  const lines = table(aReport(aRun({ failed: 28, errors }), control), marked).split('\n')
  expect(lines).toContain('!✗ failed requests: 28')
  expect(lines).toContain('  7 × 57P01: kind 0 (first: query, rotation 1, 1.5 s)')
  expect(lines).toContain('  and 2 more kinds of failure')
  expect(lines.at(-2)).toBe('!Failed.')
})

test('a control that passed fails the drill and says why', () => {
  const lines = table(aReport(aRun(), aRun({ pool: 'stock' })), marked).split('\n')
  expect(lines).toContain('!✗ the stock pool passed the same drill')
  expect(lines.slice(-3)).toEqual([
    '!Failed.',
    'The control passed: this drill proves nothing here.',
    '',
  ])
})

test('without a control the table says what that means', () => {
  expect(table(aReport(aRun()), marked)).toMatch(/Passed\.\nWithout a control/)
})
