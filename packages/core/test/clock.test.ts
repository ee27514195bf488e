import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../src/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const days = 24 * 60 * 60_000

test('a delay beyond 2^31 ms neither fires at once nor early', () => {
  const fired = vi.fn()
  systemClock.after(60 * days, fired)
  vi.advanceTimersByTime(60 * days - 1)
  expect(fired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledTimes(1)
})

test('an endless delay never fires, and can be cancelled after its first piece', () => {
  const fired = vi.fn()
  const timer = systemClock.after(Infinity, fired)
  vi.advanceTimersByTime(100 * days)
  expect(fired).not.toHaveBeenCalled()
  timer.cancel()
  expect(vi.getTimerCount()).toBe(0)
})

test('cancelling twice, or after it fired, does nothing', () => {
  const fired = vi.fn()
  const timer = systemClock.after(10, fired)
  vi.advanceTimersByTime(10)
  timer.cancel()
  timer.cancel()
  expect(fired).toHaveBeenCalledTimes(1)
})

test('a negative delay fires at the next turn', () => {
  const fired = vi.fn()
  systemClock.after(-5, fired)
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledTimes(1)
})
