import type { DrainedMessage, GenerationCounts } from '@rekey/core'
import type { Redis as DriverRedis } from 'ioredis'
import { attach, groupOf } from './attach.ts'
import { Cluster } from './cluster.ts'
import { DriverClient, type ConnectorInternals, type RedisInternals } from './driver.ts'
import { Group } from './group.ts'
import { checkRedisOptions, type RedisOptions } from './options.ts'

/** What a rotating client adds to the driver's. */
interface RotatingRedis extends DriverRedis {
  /** Connections per version, the oldest first. Empty without `credentials`. */
  readonly generations: GenerationCounts[]
  /** Resolves when no connection is older than the newest version that the cache holds at this moment or later. */
  drained(): Promise<void>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  on(event: string | symbol, listener: Parameters<DriverRedis['on']>[1]): this
}

/** The constructor: as the driver's, with static members and all. */
interface RedisClass extends Omit<typeof DriverRedis, 'prototype' | 'Cluster' | 'createClient'> {
  new (port: number, host: string, options: RedisOptions): RotatingRedis
  new (path: string, options: RedisOptions): RotatingRedis
  new (port: number, options: RedisOptions): RotatingRedis
  new (port: number, host: string): RotatingRedis
  new (options: RedisOptions): RotatingRedis
  new (port: number): RotatingRedis
  new (path: string): RotatingRedis
  new (): RotatingRedis
  readonly prototype: RotatingRedis
  Cluster: typeof Cluster
  createClient(options?: RedisOptions): RotatingRedis
  createClient(...values: ConstructorParameters<typeof DriverRedis>): RotatingRedis
}

class RotatingClient extends DriverClient {
  static Cluster: typeof Cluster = Cluster
  // The driver's class is its module, too: it would lead from ours back to its own.
  static Redis: typeof RotatingClient = RotatingClient
  static default: typeof RotatingClient = RotatingClient

  static createClient(...values: unknown[]): RedisInternals {
    return new RotatingClient(...values)
  }

  constructor(...values: unknown[]) {
    checkRedisOptions(values)
    super(...values)
  }

  duplicate(override?: RedisOptions): RedisInternals {
    return new RotatingClient({ ...this.options, ...override })
  }

  get generations(): GenerationCounts[] {
    return groupOf(this)?.generations ?? []
  }

  drained(): Promise<void> {
    return groupOf(this)?.drained() ?? Promise.resolve()
  }
}

// The driver connects before a constructor of ours has its say. That it sets its connector is the last moment before.
Object.defineProperty(RotatingClient.prototype, 'connector', {
  configurable: true,
  set(this: RedisInternals, connector: ConnectorInternals) {
    // It may be one that has its client join a group: it waits for that one step of the class below, and sets it again.
    const below = Object.getOwnPropertyDescriptor(DriverClient.prototype, 'connector')
    if (below?.set !== undefined) {
      below.set.call(this, connector)
      return
    }
    const own = { value: connector, configurable: true, enumerable: true, writable: true }
    Object.defineProperty(this, 'connector', own)
    const { credentials, rotation = {} } = this.options as RedisOptions
    if (credentials === undefined) return
    const group = new Group('ioredis.Redis', credentials, rotation, (message) =>
      this.emit('drained', message),
    )
    attach(this, group)
  },
})
Object.defineProperty(RotatingClient, 'name', { value: 'Redis' })

/**
 * `Redis` of ioredis that takes up new credentials while it works. Every connection that it makes logs in with the
 * current pair; the one that is open logs in again in place when the user name changes, while no transaction and no
 * blocking read is under way on it. Without `credentials` it is the driver's own.
 *
 * - `generations`: connections per version, the oldest first (empty without `credentials`).
 * - `drained()`: resolves when no connection is older than the newest version.
 * - Event `drained`: a version's last connection has gone over, or has closed.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a user name or a password beside `credentials`, in the options or in
 * the URL; `ERR_REKEY_OPTION` for an option with a value that is not allowed; `ERR_REKEY_BUDGET` if the rotation does
 * not fit into the overlap window; `ERR_REKEY_DRIVER` for an ioredis before 5.4.
 *
 * @example
 * const redis = new Redis({ host: 'cache.internal', credentials })
 * await redis.incr('visits')
 */
export const Redis: RedisClass = RotatingClient as unknown as RedisClass
export type Redis = RotatingRedis
