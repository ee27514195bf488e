import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../src/index.ts'
import { runAlone } from './child.ts'

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

test('a timer keeps the process alive only where somebody waits for it', async () => {
  const { output, code } = await runAlone(`
    core.systemClock.after(60_000, () => console.log('too late'))
    core.systemClock.after(100, () => console.log('waited for'), { keepAlive: true })
  `)
  expect({ output, code }).toEqual({ output: 'waited for\n', code: 0 })
})

test('a process whose cache refreshes ends by itself', async () => {
  const { output, code } = await runAlone(`
    let loads = 0
    const source = core.fromFunction(() => ({ user: 'app', password: 'pw-' + ++loads }))
    const cache = core.createCredentials(source, { overlap: 1_000, ttl: 20 })
    await cache.get()
    console.log('loaded')
    setTimeout(() => console.log(loads > 1 ? 'refreshed' : 'not refreshed'), 200)
  `)
  expect({ output, code }).toEqual({ output: 'loaded\nrefreshed\n', code: 0 })
})

test('a process that awaits the first load stays until the answer, or the deadline', async () => {
  const { output, code } = await runAlone(`
    const slow = core.fromFunction(({ signal }) => new Promise((resolve) => {
      setTimeout(() => resolve({ user: 'app', password: 'pw' }), 100).unref()
    }))
    console.log((await core.createCredentials(slow, { overlap: 10_000 }).get()).user)
    const never = core.fromFunction(() => new Promise(() => {}))
    const silent = core.createCredentials(never, { overlap: 10_000, loadDeadline: 100 })
    await silent.get().catch((error) => console.log(error.code))
    await silent.get().catch((error) => console.log(error.code))
  `)
  expect({ output, code }).toEqual({
    output: 'app\nERR_REKEY_LOAD_DEADLINE\nERR_REKEY_LOAD_DEADLINE\n',
    code: 0,
  })
})
