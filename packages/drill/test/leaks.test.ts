import { channel } from 'node:diagnostics_channel'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Secret } from '@rekey/core'
import { afterEach, beforeEach, expect, test, vi, type MockInstance } from 'vitest'
import { LeakWatch } from '../src/leaks.ts'

const password = 'correct-horse-battery'
let leaks: LeakWatch
let written: MockInstance<typeof process.stdout.write>

beforeEach(() => {
  written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  leaks = new LeakWatch()
  leaks.guard(password)
  leaks.start()
})

afterEach(() => {
  leaks.stop()
  vi.restoreAllMocks()
})

test.each<[string, () => void]>([
  ['stdout', () => process.stdout.write(`logged in with ${password}\n`)],
  ['stderr', () => process.stderr.write(Buffer.from(`logged in with ${password}\n`))],
  ['a diagnostics channel', () => channel('rekey:change').publish({ next: { password } })],
  ['an error', () => leaks.look(new Error('refused', { cause: new Error(password) }))],
])('a password in %s is found', (_, leak) => {
  leak()
  expect(leaks.found).toBe(1)
})

test('a password in a warning is found', async () => {
  process.emitWarning(`refused: ${password}`)
  await nextTurn()
  // The warning itself, and what Node prints of it.
  expect(leaks.found).toBeGreaterThanOrEqual(1)
})

test('a secret that is kept is not', () => {
  channel('rekey:change').publish({ password: new Secret(password) })
  leaks.look(new Error('refused', { cause: { password: new Secret(password) } }))
  process.stdout.write('nothing to see\n')
  expect(leaks.found).toBe(0)
})

test('what is written still comes out, and nothing is looked at after the end', () => {
  process.stdout.write('before\n')
  expect(written).toHaveBeenCalledWith('before\n')
  leaks.stop()
  process.stdout.write(password)
  expect(written).toHaveBeenCalledWith(password)
  expect(leaks.found).toBe(0)
})

test('two that watch at once do so until each of them stops, in whatever order', () => {
  const other = new LeakWatch()
  other.guard(password)
  other.start()
  leaks.stop()
  process.stdout.write(password)
  expect([leaks.found, other.found]).toEqual([0, 1])
  other.stop()
  process.stdout.write(password)
  expect([leaks.found, other.found]).toEqual([0, 1])
  expect(Object.getOwnPropertyDescriptor(process.stdout, 'write')?.value).toBe(written)
})

test('what is to be printed can be had without the password', () => {
  expect(leaks.redact(`a${password}b${password}`)).toBe('a[redacted]b[redacted]')
})
