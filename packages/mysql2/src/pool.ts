import type { CredentialsCache, DrainedMessage, GenerationCounts } from '@rekey/core'
import type mysql from 'mysql2'
import { install, type Installed } from './attach.ts'
import { checkDriver, type Driver } from './driver.ts'
import { endPool } from './end.ts'
import { checkPoolOptions, endDeadlineOf, type PoolOptions } from './options.ts'
import { promisePoolClass, type RotatingPromisePool } from './promise-pool.ts'

/**
 * The driver's pool, with what a rotating one adds:
 *
 * - `generations`: connections per version, the oldest first (empty without `credentials`).
 * - `drained()`: resolves when no connection is older than the newest version, after the sockets have closed.
 * - Event `drained`: a version's last connection has closed.
 */
export interface RotatingPool extends mysql.Pool {
  readonly generations: GenerationCounts[]
  drained(): Promise<void>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  // The driver's own, which the one above would hide.
  on(event: 'connection', listener: (connection: mysql.PoolConnection) => unknown): this
  on(event: 'acquire', listener: (connection: mysql.PoolConnection) => unknown): this
  on(event: 'release', listener: (connection: mysql.PoolConnection) => unknown): this
  on(event: 'enqueue', listener: () => unknown): this
  promise(promise?: PromiseConstructor): RotatingPromisePool
}

/** What {@link createPool} is, for a copy of the driver. */
export type CreatePool = (config: PoolOptions | string) => RotatingPool

type EndCallback = (error?: Error) => void

// The driver warns of options that it does not know; its own objects stay the user's.
function withoutOurs(config: PoolOptions): PoolOptions {
  if (!('credentials' in config || 'rotation' in config || 'endDeadline' in config)) return config
  const { credentials: _, rotation: __, endDeadline: ___, ...rest } = config
  return rest
}

/** Makes a {@link CreatePool} for a copy of the driver, with credentials for pools that bring none. */
export function poolFactory(driver: Driver, ownCredentials?: CredentialsCache): CreatePool {
  // The one class that the driver does not export.
  const PoolConfig = driver.createPool({}).config.constructor as new (config: unknown) => object

  class Pool extends driver.Pool {
    readonly #installed: Installed | undefined
    readonly #endDeadline: number = 0

    constructor(config: PoolOptions | string) {
      const options = typeof config === 'string' ? { uri: config } : config
      const { credentials = ownCredentials, rotation = {}, endDeadline, ...rest } = options
      if (credentials === undefined) {
        super({ config: new PoolConfig(typeof config === 'string' ? config : withoutOurs(config)) })
        return
      }
      checkDriver(driver)
      checkPoolOptions(driver, credentials, options)
      super({ config: new PoolConfig(rest) })
      this.#endDeadline = endDeadlineOf({ endDeadline })
      this.#installed = install(driver, this, credentials, rotation)
    }

    override end(callback?: EndCallback): void {
      // What a second call gets is the driver's own matter.
      if (this.#installed === undefined || this._closed) return super.end(callback)
      endPool(this, this.#installed, this.#endDeadline, callback ?? (() => {}))
    }

    promise(promise?: PromiseConstructor): RotatingPromisePool {
      return new (promisePoolClass(driver))(this, promise)
    }

    get generations(): GenerationCounts[] {
      return this.#installed?.rotation.generations ?? []
    }

    drained(): Promise<void> {
      return this.#installed?.rotation.drained() ?? Promise.resolve()
    }
  }
  // As the driver's types have it: with overloads, and without what is internal.
  return (config) => new Pool(config) as unknown as RotatingPool
}
