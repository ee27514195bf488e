import type { EventEmitter } from 'node:events'
import type { DrainedMessage, GenerationCounts } from '@rekey/core'
import type promise from 'mysql2/promise'
import { foreignConnection, type Driver } from './driver.ts'
import type { RotatingPool } from './pool.ts'

/** The driver's pool of promises, with what a rotating one adds, as {@link RotatingPool}. */
export interface RotatingPromisePool extends promise.Pool {
  readonly generations: GenerationCounts[]
  drained(): Promise<void>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  // The driver's own, which the one above would hide.
  on(event: 'connection', listener: (connection: promise.PoolConnection) => unknown): this
  on(event: 'acquire', listener: (connection: promise.PoolConnection) => unknown): this
  on(event: 'release', listener: (connection: promise.PoolConnection) => unknown): this
  on(event: 'enqueue', listener: () => unknown): this
  readonly pool: RotatingPool
}

type PromisePoolClass = new (pool: unknown, promise?: PromiseConstructor) => RotatingPromisePool

const classes = new WeakMap<Driver, PromisePoolClass>()

/** The class of a copy of the driver's pools of promises, once it is asked for: the driver, too, loads it no sooner. */
export function promisePoolClass(driver: Driver): PromisePoolClass {
  const known = classes.get(driver)
  if (known !== undefined) return known
  const made = subclass(driver)
  classes.set(driver, made)
  return made
}

function subclass(driver: Driver): PromisePoolClass {
  type DriverPool = new (pool: unknown, promise?: PromiseConstructor) => promise.Pool
  const DriverPromisePool = driver.createPool({}).promise().constructor as DriverPool
  class PromisePool extends DriverPromisePool {
    constructor(pool: RotatingPool, promise?: PromiseConstructor) {
      super(pool, promise)
      forwardDrained(pool, this)
    }

    override releaseConnection(connection: promise.PoolConnection): void {
      // The driver does nothing then, and the connection would stay lent for ever.
      const { connection: core } = connection as { connection: unknown }
      if (this.generations.length > 0 && !(core instanceof driver.PoolConnection)) {
        throw foreignConnection()
      }
      super.releaseConnection(connection)
    }

    get generations(): GenerationCounts[] {
      return (this.pool as RotatingPool).generations
    }

    drained(): Promise<void> {
      return (this.pool as RotatingPool).drained()
    }
  }
  return PromisePool as unknown as PromisePoolClass
}

// As the driver forwards its own events: only while somebody listens, since a pool may be wrapped for every query.
function forwardDrained(from: EventEmitter, to: EventEmitter): void {
  const forward = (message: DrainedMessage): void => void to.emit('drained', message)
  to.on('newListener', (event) => {
    if (event === 'drained' && to.listenerCount('drained') === 0) from.on('drained', forward)
  })
  to.on('removeListener', (event) => {
    if (event === 'drained' && to.listenerCount('drained') === 0) from.off('drained', forward)
  })
}
