import type { RotatingPool } from '@rekey/ioredis/pool'
import type { Pool } from '../contract/adapter.ts'

/** What the contract does with a pool, in the driver's words. */
export function adaptPool<T>(pool: RotatingPool<T>): Pool<T> {
  return {
    borrow: () => pool.acquire(),
    release: (connection) => void pool.release(connection).catch(() => {}),
    discard: (connection) => void pool.destroy(connection).catch(() => {}),
    get generations() {
      return pool.generations
    },
    drained: () => pool.drained(),
    onDrained: (listener) => void pool.on('drained', listener),
    async end() {
      await pool.drain()
      await pool.clear()
    },
  }
}
