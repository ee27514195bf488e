import { createCredentials, fromFunction } from '@rekey/core'
import { heapAfterCollection } from './collect-garbage.ts'
import { monotonic } from './monotonic.ts'
import { median } from './percentile.ts'

export interface FreshRead {
  readonly what: string
  /** Times that a plain property read takes. */
  readonly ratio: number
  readonly bytesPerRead: number
}

// Four of each, read in turn: a read of one and the same object would be moved out of the loop.
const copies = 4
const reads = 200_000
const rounds = 50
// What so many reads could leave behind is less than what makes V8 collect it.
const countedReads = 10_000
const counts = 20

/** What it costs to read the current credentials, beside a property of a plain object that holds the same. */
export async function measureFreshRead(): Promise<FreshRead[]> {
  const load = fromFunction(() => ({ user: 'app', password: 'secret', version: '1' }))
  const caches = Array.from({ length: copies }, () => createCredentials(load, { overlap: 60_000 }))
  await Promise.all(caches.map((cache) => cache.get()))
  const plain = caches.map((cache) => ({ current: cache.current }))
  const copied: object[] = []

  // Written out, and not one function that takes the way to read: the call would cost more than the read.
  const ways = {
    'a property': (times: number): number => {
      let found = 0
      for (let i = 0; i < times; i += 1) if (plain[i % copies]?.current !== undefined) found += 1
      return found
    },
    'credentials.current': (times: number): number => {
      let found = 0
      for (let i = 0; i < times; i += 1) if (caches[i % copies]?.current !== undefined) found += 1
      return found
    },
    'credentials.fresh()': (times: number): number => {
      let found = 0
      for (let i = 0; i < times; i += 1) if (caches[i % copies]?.fresh() !== undefined) found += 1
      return found
    },
    // What an allocation looks like here.
    'a copy of it': (times: number): number => {
      for (let i = 0; i < times; i += 1) copied[i % copies] = { ...caches[i % copies]?.current }
      return copied.length
    },
  }

  const results: FreshRead[] = []
  for (const [what, read] of Object.entries(ways)) {
    const ratios: number[] = []
    for (let round = -5; round < rounds; round += 1) {
      const base = timed(ways['a property'])
      const time = timed(read)
      if (round >= 0) ratios.push(time / base)
    }
    const bytes: number[] = []
    for (let count = 0; count < counts; count += 1) {
      const before = await heapAfterCollection()
      read(countedReads)
      bytes.push(process.memoryUsage().heapUsed - before)
    }
    results.push({ what, ratio: median(ratios), bytesPerRead: median(bytes) / countedReads })
  }
  await Promise.all(caches.map((cache) => cache.close()))
  return results
}

function timed(read: (times: number) => number): number {
  const from = monotonic()
  read(reads)
  return monotonic() - from
}
