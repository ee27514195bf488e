import { RekeyError, replaceMembers, type Rotation } from '@rekey/core'
import type pg from 'pg'
import type { PoolInternals } from './driver.ts'

/**
 * Ends a rotating pool as the driver does, but for two things: callers in the queue get an error instead of silence,
 * and it is over when the last socket is closed.
 */
export function endPool(
  pool: PoolInternals,
  rotation: Rotation<pg.Client>,
  driverEnd: () => unknown,
  callback: ((error?: unknown) => void) | undefined,
): Promise<void> | undefined {
  if (pool.ending) return refuse(pool, 'Called end on pool more than once', callback)
  rotation.close()
  // Only now: a `connect` of our own would cost every checkout some percent for what happens once.
  replaceMembers(pool, { connect: (caller) => refuse(pool, usedAfterEnd, caller) })
  const waiting = pool._pendingQueue.splice(0)
  const closed = new pool.Promise((resolve, reject) => {
    Promise.resolve(driverEnd()).then(resolve, reject)
  }).then(() => rotation.drained())
  process.nextTick(() => {
    for (const item of waiting)
      if (!item.timedOut) item.callback(ended(usedAfterEnd), undefined, () => {})
  })
  if (!callback) return closed
  // Out of the promise, so that what the callback throws is the caller's own.
  closed.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}

const usedAfterEnd = 'Cannot use a pool after calling end on the pool'

// In the driver's words and at the driver's time: a callback is called before this returns.
function refuse(
  pool: PoolInternals,
  message: string,
  callback: ((error: unknown) => void) | undefined,
): Promise<never> | undefined {
  if (!callback) return pool.Promise.reject(ended(message))
  callback(ended(message))
  return undefined
}

function ended(message: string): RekeyError {
  return new RekeyError('ERR_REKEY_POOL_ENDED', message, {
    option: 'pool',
    given: 'a pool that was ended',
    allowed: 'a new Pool',
  })
}
