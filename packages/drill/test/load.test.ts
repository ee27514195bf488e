import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { phaseOf } from '../src/latency.ts'
import { Load } from '../src/load.ts'
import type { Units } from '../src/targets/target.ts'

const account = async (): Promise<string> => 'app_a'
const instant: Units = { query: account, transaction: account, hold: account, stream: account }
const refused = (): Promise<string> => Promise.reject(new Error('ended'))
const observer = { served: () => {}, failed: () => {} }

function stopTheProcess(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

test('a stall is seen by every request that was due in it', async () => {
  const load = new Load(instant, 1_000, observer)
  load.start()
  stopTheProcess(300)
  await sleep(5)
  load.stop()
  const { p50, max } = load.latency.summary('steady')
  // 300 requests were due, evenly; all were started at once, and took no time from then on.
  expect(load.started).toBeGreaterThanOrEqual(300)
  expect(max).toBeGreaterThan(295)
  expect(p50).toBeGreaterThan(100)
})

test('requests start at the rate, whether or not those before them have ended', async () => {
  const never = new Promise<string>(() => {})
  const load = new Load({ ...instant, query: () => never }, 500, observer)
  load.start()
  while (load.started < 100) await sleep(1)
  load.stop()
  // One each 2 ms.
  expect(load.started).toBeLessThanOrEqual(load.elapsed / 2 + 1)
  expect(load.started - load.settled).toBe(load.open.length)
  expect(load.open.length).toBeGreaterThan(80)
})

test('what is paused starts nothing, and what is resumed starts at the rate from then on', async () => {
  const load = new Load(instant, 1_000, observer)
  load.start()
  while (load.started < 20) await sleep(1)
  load.pause()
  const { started } = load
  await sleep(30)
  expect(load.started).toBe(started)
  load.resume()
  // What was not started in the pause is not made up for.
  expect(load.started).toBe(started + 1)
  while (load.started < started + 20) await sleep(1)
  load.stop()
})

test('one start in ten is a transaction, and those are not in the latency', async () => {
  let transactions = 0
  const transaction = async (): Promise<string> => {
    transactions += 1
    await sleep(1_000)
    return 'app_a'
  }
  const load = new Load({ ...instant, transaction }, 1_000, observer)
  load.start()
  stopTheProcess(50)
  await sleep(5)
  load.stop()
  expect(await load.settle(5_000, 5_000)).toBe(true)
  expect(transactions).toBe(Math.floor(load.started / 10))
  expect(load.latency.summary('steady').max).toBeLessThan(1_000)
})

test('what fails has settled; what hangs has not, and nobody waits for it for ever', async () => {
  const seen: unknown[] = []
  const load = new Load(instant, 1, {
    ...observer,
    failed: (error, unit) => seen.push([error, unit]),
  })
  await load.add('stream', () => Promise.reject(new Error('cut')))
  await load.add('query', () => {
    throw new Error('thrown')
  })
  void load.add('query', () => new Promise(() => {}))
  expect(await load.settle(30, 1_000)).toBe(false)
  expect(load).toMatchObject({ started: 3, settled: 2, failed: 2, open: [{ unit: 'query' }] })
  expect(seen).toEqual([
    [new Error('cut'), 'stream'],
    [new Error('thrown'), 'query'],
  ])
})

test('settling waits as long as something still settles', async () => {
  const load = new Load(instant, 1, observer)
  for (const wait of [300, 600, 900, 1_200]) {
    void load.add('query', () => sleep(wait, 'app_a'))
  }
  expect(await load.settle(1_000, 30_000)).toBe(true)
})

test('settling does not wait for ever for a pool that hardly moves', async () => {
  const load = new Load(instant, 1, observer)
  for (let wait = 40; wait < 2_000; wait += 40) {
    void load.add('query', () => sleep(wait, 'app_a'))
  }
  expect(await load.settle(100, 150)).toBe(false)
  expect(load.open).not.toEqual([])
})

test('saturation keeps so many callers waiting at every moment', async () => {
  let now = 0
  let most = 0
  const transaction = async (): Promise<string> => {
    now += 1
    most = Math.max(most, now)
    await sleep(5)
    now -= 1
    return 'app_a'
  }
  const load = new Load({ ...instant, transaction }, 1, observer)
  const stop = load.saturate(12)
  while (load.started <= 24) await sleep(5)
  // Whoever was served comes back a turn later: a look may fall in between.
  await expect.poll(() => now, { interval: 1 }).toBe(12)
  await stop()
  expect([now, most, load.open]).toEqual([0, 12, []])
})

test('a pool that refuses at once is not asked without end, and stopping the load stops its callers', async () => {
  const load = new Load({ ...instant, transaction: refused }, 1, observer)
  const begun = performance.now()
  load.saturate(3)
  await sleep(55)
  load.stop()
  const { started } = load
  // Each of them at once, and then after ten milliseconds or more.
  expect(started).toBeLessThanOrEqual(3 * (1 + (performance.now() - begun) / 10))
  await sleep(30)
  expect(load.started).toBe(started)
})

test('callers who are answered at once leave everything else its turn', async () => {
  const load = new Load(instant, 1, observer)
  const stop = load.saturate(3)
  await sleep(5)
  await stop()
  expect(load.open).toEqual([])
})

test('a request belongs to the more eventful phase of those it began and ended in', () => {
  expect(phaseOf('steady', 'steady')).toBe('steady')
  expect(phaseOf('steady', 'rotating')).toBe('rotating')
  expect(phaseOf('rotating', 'steady')).toBe('rotating')
  expect(phaseOf('rotating', 'saturated')).toBe('saturated')
  expect(phaseOf('saturated', 'steady')).toBe('saturated')
})

test('where nothing was measured nothing is said', () => {
  const load = new Load(instant, 1, observer)
  expect(load.latency.summary('rotating')).toEqual({ p50: null, p99: null, max: null })
})
