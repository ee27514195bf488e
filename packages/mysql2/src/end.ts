import type { Installed } from './attach.ts'
import type { PoolInternals } from './driver.ts'

/**
 * Ends a rotating pool as the driver does, but for two things: those who hold a connection get the time that the
 * options give them, and it is over when the last socket is closed.
 */
export function endPool(
  pool: PoolInternals,
  { rotation, slots, idle }: Installed,
  deadline: number,
  callback: (error?: Error) => void,
): void {
  pool._closed = true
  clearTimeout(pool._removeIdleTimeoutConnectionsTimer)
  while (pool._connectionQueue.length > 0) {
    const waiting = pool._connectionQueue.shift()
    process.nextTick(() => waiting?.(new Error('Pool is closed.')))
  }
  for (const slot of slots) slot.abandon(new Error('Pool is closed.'))
  rotation.close()
  const unused = new Set(idle())
  const held = deadline > 0 ? [...slots].filter((slot) => slot.isOpen && !unused.has(slot)) : []
  for (const slot of slots) {
    // The driver's own does nothing once the pool is closed, and nobody would hear that a holder destroys it.
    if (slot.connection) slot.connection._removeFromPool = () => slot.left()
    if (!held.includes(slot)) slot.quit()
  }
  for (const { connection } of held) {
    // Nor does this.
    if (connection) connection.release = () => pool.releaseConnection(connection)
  }
  // Then the driver calls back before it returns.
  if (slots.size === 0) return callback(undefined)
  const timer = setTimeout(() => held.forEach((slot) => slot.quit()), deadline)
  if (held.length === 0) clearTimeout(timer)
  void rotation.drained().then(() => {
    clearTimeout(timer)
    // Out of the promise, so that what the callback throws is the caller's own.
    process.nextTick(callback, undefined)
  })
}
