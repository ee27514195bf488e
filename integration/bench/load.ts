import { Worker } from 'node:worker_threads'
import { monotonic } from './monotonic.ts'
import type { Pace } from './pacemaker.ts'
import type { Pool, Subject } from './subject.ts'

/** What the load works on: the part of a pool that it needs, whatever a recipe does behind it. */
type Target = Pick<Pool, 'query' | 'connect'>

type Statements = Pick<Subject, 'short' | 'transaction'>

/** One request, from its scheduled start (not from when it was sent: nothing that waits is left out). */
export interface Request {
  readonly kind: 'short' | 'transaction'
  readonly scheduledAt: number
  readonly settledAt: number
  readonly failed: boolean
}

export interface Load {
  /** Everything that has settled so far. */
  readonly requests: readonly Request[]
  /** Stops starting requests and waits for those under way, at most a second: a recipe may have lost some. */
  stop(): Promise<{ started: number }>
}

/**
 * Starts `rate` requests a second, whether earlier ones have been answered or not. Every tenth is a transaction.
 */
export function startLoad(target: Target, rate: number, statements: Statements): Load {
  const requests: Request[] = []
  const underWay = new Set<Promise<void>>()
  const pace: Pace = { interval: 1000 / rate, startAt: monotonic() + 100 }
  const pacemaker = new Worker(new URL('./pacemaker.ts', import.meta.url), { workerData: pace })
  let started = 0

  pacemaker.on('message', (beat: number) => {
    started += 1
    const kind = beat % 10 === 0 ? 'transaction' : 'short'
    const scheduledAt = pace.startAt + beat * pace.interval
    const settle = (failed: boolean): void => {
      requests.push({ kind, scheduledAt, settledAt: monotonic(), failed })
      underWay.delete(request)
    }
    const work = kind === 'short' ? target.query(statements.short) : transaction(target, statements)
    const request = work.then(
      () => settle(false),
      () => settle(true),
    )
    underWay.add(request)
  })

  return {
    requests,
    async stop() {
      await pacemaker.terminate()
      const { promise: givenUp, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, 1_000)
      await Promise.race([Promise.all(underWay), givenUp])
      clearTimeout(timer)
      return { started }
    },
  }
}

async function transaction(target: Target, { transaction: all }: Statements): Promise<void> {
  const connection = await target.connect()
  let failed = true
  try {
    for (const statement of all) await connection.query(statement)
    failed = false
  } finally {
    connection.release(failed)
  }
}
