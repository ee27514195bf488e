import type { Driver } from './driver.ts'
import type { Functions } from './module.ts'
import type { PoolOptions } from './options.ts'
import { promisePoolClass, type RotatingPromisePool } from './promise-pool.ts'

/** What `@rekey/mysql2/promise` puts in the place of the driver's own. */
export interface PromiseFunctions {
  createPool(config: PoolOptions | string): RotatingPromisePool
}

/** The functions of promises over those of callbacks, for a copy of the driver. */
export function promiseFunctions(driver: Driver, { createPool }: Functions): PromiseFunctions {
  return {
    createPool: (config) => new (promisePoolClass(driver))(createPool(config), promiseOf(config)),
  }
}

// The driver takes it from the options, and knows no such option in its types.
function promiseOf(config: object | string): PromiseConstructor {
  const { Promise: given } = config as { Promise?: PromiseConstructor }
  return given || Promise
}
