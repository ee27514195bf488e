import { RekeyError } from '@rekey/core'
import type { Attached } from './attach.ts'
import type { PoolInternals } from './driver.ts'

/**
 * Drains a rotating pool as the driver does, but for two things: it waits for whoever is in the queue, not for the last
 * of them alone, and who cannot be served because nothing can be opened any more hears why.
 */
export async function drainPool<T>(
  pool: PoolInternals<T>,
  attached: Attached<T>,
  driverDrain: () => Promise<void>,
): Promise<void> {
  if (!pool._draining) {
    pool._draining = true
    attached.drain()
  }
  do await driverDrain()
  while (pool.pending > 0 || pool.borrowed > 0)
  attached.drained()
}

/**
 * Closes what is idle as the driver does, but for three things: what it closes cannot be lent any more; in a pool that
 * has been drained it closes what comes back later, too; and it is over when the sockets are closed.
 */
export async function clearPool<T>(pool: PoolInternals<T>, attached: Attached<T>): Promise<void> {
  if (pool._draining) attached.clear()
  await Promise.allSettled(pool._factoryCreateOperations)
  for (;;) {
    const idle = pool._availableObjects.shift()
    if (idle === undefined) break
    pool._destroy(idle)
  }
  await Promise.allSettled(pool._factoryDestroyOperations)
  if (pool._draining) await attached.settled()
}

/** In the driver's words. */
export function ended(): RekeyError {
  return new RekeyError('ERR_REKEY_POOL_ENDED', 'pool is draining and cannot accept work', {
    option: 'pool',
    given: 'a pool that was drained',
    allowed: 'a new pool',
  })
}
