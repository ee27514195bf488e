import type { CredentialsCache, DrainedMessage, GenerationCounts, Rotation } from '@rekey/core'
import pg from 'pg'
import { install } from './attach.ts'
import { Client } from './client.ts'
import type { ClientClass, Driver, PoolInternals } from './driver.ts'
import { endPool } from './end.ts'
import { checkPoolConfig, type PoolConfig } from './options.ts'

/** What a rotating pool adds to the driver's. */
interface RotatingPool extends pg.Pool {
  readonly generations: GenerationCounts[]
  drained(): Promise<void>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  // The driver's own, which the one above would hide.
  on<Event extends 'error' | 'release' | 'connect' | 'acquire' | 'remove'>(
    event: Event,
    listener: Event extends 'error' | 'release'
      ? (error: Error, client: pg.PoolClient) => void
      : (client: pg.PoolClient) => void,
  ): this
}

/** A constructor of rotating pools, with the static members of the driver's. */
export type PoolClass = Omit<typeof pg.Pool, 'prototype'> &
  (new (options?: PoolConfig, Client?: ClientClass) => RotatingPool)

type EndCallback = Parameters<PoolInternals['end']>[0]

/** The class that {@link Pool} is, for a copy of the driver and our client for it, with credentials for those that bring none. */
export function poolClass(
  driver: Driver,
  OurClient: ClientClass,
  ownCredentials?: CredentialsCache,
): PoolClass {
  const DriverPool = driver.Pool as unknown as new (options?: PoolConfig | null) => PoolInternals
  const RotatingPool = class Pool extends DriverPool {
    readonly #rotation: Rotation<pg.Client> | undefined

    constructor(options?: PoolConfig | null, GivenClient?: ClientClass) {
      // Only what is left out stands for the module's own: anything else is meant, and checked.
      const { credentials = ownCredentials, rotation = {} } = options ?? {}
      if (credentials !== undefined) checkPoolConfig(credentials, options ?? {})
      super(options)
      if (!this.options.Client) this.Client = GivenClient ?? OurClient
      if (credentials !== undefined) this.#rotation = install(this, credentials, rotation)
    }

    override end(callback?: EndCallback): Promise<void> | undefined {
      if (this.#rotation === undefined) return super.end(callback)
      return endPool(this, this.#rotation, () => super.end(), callback)
    }

    get generations(): GenerationCounts[] {
      return this.#rotation?.generations ?? []
    }

    drained(): Promise<void> {
      return this.#rotation?.drained() ?? Promise.resolve()
    }
  }
  // As the driver's types have it: with overloads, and without what is internal.
  return RotatingPool as unknown as PoolClass
}

const PgPool: PoolClass = poolClass(pg, Client)

/**
 * `pg.Pool` that takes up new credentials while it works. One pool for life: after a rotation it opens connections
 * with the new pair and retires the old ones one by one, each while nobody holds it. Without `credentials` it is the
 * driver's own.
 *
 * - `generations`: connections per version, the oldest first (empty without `credentials`).
 * - `drained()`: resolves when no connection is older than the newest version, after the sockets have closed.
 * - Event `drained`: a version's last connection has closed.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside `credentials`, in the options or in the URL;
 * `ERR_REKEY_OPTION` for an option with a value that is not allowed; `ERR_REKEY_BUDGET` if the rotation does not fit
 * into the overlap window.
 *
 * @example
 * const pool = new Pool({ host: 'db.internal', database: 'app', credentials })
 * const { rows } = await pool.query('SELECT now()')
 */
export class Pool extends PgPool {}
