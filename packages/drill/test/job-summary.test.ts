import { expect, test } from 'vitest'
import { jobSummary } from '../src/job-summary.ts'
import { aReport, aRun } from './a-report.ts'

const first = { unit: 'query', rotation: 1, atMs: 1_500 }
const control = aRun({ pool: 'stock', failed: 3, peakSessions: 31 })

test('the summary of a job has the verdict first, then both pools in a table', () => {
  const lines = jobSummary(aReport(aRun(), control)).split('\n')
  expect(lines[0]).toBe('### ✅ Rotation drill on PostgreSQL 18.4')
  expect(lines).toContain('The stock pool failed the same drill.')
  expect(lines).toContain('|  | rekey | stock |')
  expect(lines).toContain('| failed | 0 | 3 |')
  expect(lines).toContain('| peak sessions (of max) | 20 (20) | 31 (20) |')
})

test('what broke stands in it, and what a server said is no markup', () => {
  const message = 'role "a_b" <img src=x> | `x`\n# not a heading'
  const errors = [{ code: '57P01', message, count: 2, first }]
  const text = jobSummary(aReport(aRun({ failed: 2, errors })))
  expect(text).toMatch(/^### ❌ Rotation drill/)
  expect(text).toContain('- rekey: failed requests: 2\n')
  expect(text).not.toMatch(/<img|`|^# /m)
  expect(text).toContain('<summary>rekey: 2 requests lost</summary>')
})
