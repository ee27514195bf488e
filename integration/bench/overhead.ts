import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Order, Setting } from './overhead-process.ts'
import { median, percentile } from './percentile.ts'
import type { Kind, Server } from './subject.ts'
import { subjects, type SubjectName } from './subjects/index.ts'

/** Times that one takes as long as the other: the median of all rounds, and the half of the rounds around it. */
export interface Ratio {
  readonly median: number
  readonly from: number
  readonly to: number
}

export interface Overhead {
  readonly work: string
  /** Nanoseconds, of the stock pool. */
  readonly stock: number
  readonly withCredentials: Ratio
  readonly without: Ratio
  /** A second stock pool against the first: what the measurement makes of no difference at all. */
  readonly again: Ratio
}

const kinds: readonly Kind[] = ['stock', 'with credentials', 'without', 'stock']

/**
 * Compares our pool, with and without credentials, to the stock pool: in turns, so that a slow moment hits all alike.
 * `generations`: how often the processes are started anew; two of the same kind can differ by some percent for life.
 */
export async function measureOverhead(
  subject: SubjectName,
  server: Server,
  { generations, rounds }: { generations: number; rounds: number },
  signal: AbortSignal,
): Promise<Overhead[]> {
  const pieces = subjects[subject].works.map(({ name, times: each, warmUp }) => ({
    order: { work: name, times: each } satisfies Order,
    warmUp,
  }))
  const times = pieces.map(() => kinds.map((): number[] => []))
  for (let generation = 0; generation < generations; generation += 1) {
    const processes = kinds.map((kind) => start(subject, server, kind))
    try {
      await Promise.all(processes.map((process) => once(process, 'message', { signal })))
      for (const [piece, { order, warmUp }] of pieces.entries()) {
        for (const [, process] of shuffled([...processes.entries()])) {
          await timed(process, { ...order, times: warmUp }, signal)
        }
        for (let round = 0; round < rounds; round += 1) {
          for (const [index, process] of shuffled([...processes.entries()])) {
            times[piece]?.[index]?.push(await timed(process, order, signal))
          }
        }
      }
    } finally {
      for (const process of processes) process.disconnect()
    }
  }
  return pieces.map(({ order }, piece) => {
    const [stock = [], having = [], without = [], again = []] = times[piece] ?? []
    return {
      work: order.work,
      stock: (median(stock) / order.times) * 1e6,
      withCredentials: ratio(having, stock),
      without: ratio(without, stock),
      again: ratio(again, stock),
    }
  })
}

function start(
  subject: SubjectName,
  { address, accounts: [account] }: Server,
  kind: Kind,
): ChildProcess {
  const setting: Setting = { subject, kind, account, address }
  // Not as an argument: those are for everybody on the machine to read.
  const env = { ...process.env, REKEY_BENCH: JSON.stringify(setting) }
  return fork(new URL('overhead-process.ts', import.meta.url), { env })
}

async function timed(process: ChildProcess, order: Order, signal: AbortSignal): Promise<number> {
  const answered = once(process, 'message', { signal })
  process.send(order)
  const [milliseconds] = (await answered) as [number]
  return milliseconds
}

// Who comes first, or after whom, must not be the same in every round.
function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

function ratio(times: readonly number[], stock: readonly number[]): Ratio {
  const ratios = times.map((time, round) => time / (stock[round] ?? Number.NaN))
  return {
    median: median(ratios),
    from: percentile(ratios, 0.25),
    to: percentile(ratios, 0.75),
  }
}
