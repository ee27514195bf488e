import type { PooledResource, PoolInternals } from './driver.ts'

/** Has the first in the queue hear why it cannot be served. */
export function rejectFirst<T>(pool: PoolInternals<T>, error: unknown): void {
  for (;;) {
    const first = pool._waitingClientsQueue.dequeue()
    // Who is no longer waiting is taken off the queue a little later.
    if (first !== undefined && first.state !== 'PENDING') continue
    return first?.reject(error)
  }
}

/** The same for everybody. */
export function rejectAll<T>(pool: PoolInternals<T>, error: unknown): void {
  while (pool._waitingClientsQueue.length > 0) rejectFirst(pool, error)
}

/** Takes an idle connection off the pool's list. */
export function takeIdle<T>(
  pool: PoolInternals<T>,
  isIt: (connection: T) => boolean,
): PooledResource<T> | undefined {
  const iterator = pool._availableObjects.iterator()
  for (;;) {
    const { value } = iterator.next()
    if (value === undefined) return undefined
    if (!isIt(value.obj)) continue
    iterator.remove()
    return value
  }
}
