import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Failures, Finding } from '../src/failures.ts'

const first = { unit: 'query', rotation: 1, atMs: 100 }
const later = { unit: 'stream', rotation: 2, atMs: 200 }

test('failures that say the same are counted together, and the first is remembered', () => {
  const failures = new Failures()
  failures.add(Object.assign(new Error('terminated'), { code: '57P01' }), first)
  failures.add(Object.assign(new Error('terminated'), { code: '57P01' }), later)
  failures.add(new TypeError('odd'), later)
  failures.add('a string', later)
  failures.add(new Finding('DRILL_NOT_SERVED', 'idle'), later)
  expect(failures.groups).toEqual([
    { code: '57P01', message: 'terminated', count: 2, first },
    { code: 'TypeError', message: 'odd', count: 1, first: later },
    { code: 'string', message: 'a string', count: 1, first: later },
    { code: 'DRILL_NOT_SERVED', message: 'idle', count: 1, first: later },
  ])
})

test('ever new messages do not make an endless report', () => {
  const failures = new Failures()
  for (let process = 0; process < 1_000; process += 1) {
    failures.add(new Error(`process ${process} was killed`), first)
  }
  expect(failures.groups).toHaveLength(51)
  expect(failures.groups.reduce((sum, { count }) => sum + count, 0)).toBe(1_000)
})

test('what a report may not carry is taken out of the messages', () => {
  const failures = new Failures((text) => text.replaceAll('hunter2', '…'))
  failures.add(new Error('wrong password hunter2'), first)
  expect(failures.groups).toMatchObject([{ message: 'wrong password …' }])
})

test('an error from beyond the globals of a test keeps its code', () => {
  const failures = new Failures()
  const script = "Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })"
  failures.add(runInNewContext(script), first)
  expect(failures.groups).toMatchObject([{ code: 'ECONNRESET', message: 'socket hang up' }])
})
