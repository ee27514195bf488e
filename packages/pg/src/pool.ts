import type { CredentialsCache, GenerationCounts, Rotation } from '@rekey/core'
import pg from 'pg'
import { install } from './attach.ts'
import type { ClientClass, Driver, PoolInternals } from './driver.ts'
import { checkConfig, type PoolConfig } from './options.ts'

/** What a rotating pool adds to the driver's. */
export interface RotatingPool extends pg.Pool {
  readonly generations: GenerationCounts[]
  drained(): Promise<void>
}

/** A constructor of rotating pools, with the static members of the driver's. */
export type PoolClass = Omit<typeof pg.Pool, 'prototype'> &
  (new (options?: PoolConfig, Client?: ClientClass) => RotatingPool)

/** The class that {@link Pool} is, for a copy of the driver, with credentials for those that bring none. */
export function poolClass(driver: Driver, ownCredentials?: CredentialsCache): PoolClass {
  return class Pool extends driver.Pool {
    readonly #rotation: Rotation<pg.Client> | undefined

    constructor(options: PoolConfig = {}, Client?: ClientClass) {
      const credentials = options.credentials ?? ownCredentials
      if (credentials !== undefined) checkConfig(credentials, options)
      super(Client === undefined ? options : { Client, ...options })
      if (credentials === undefined) return
      this.#rotation = install(
        this as unknown as PoolInternals,
        credentials,
        options.rotation ?? {},
      )
    }

    get generations(): GenerationCounts[] {
      return this.#rotation?.generations ?? []
    }

    drained(): Promise<void> {
      return this.#rotation?.drained() ?? Promise.resolve()
    }
  }
}

const PgPool: PoolClass = poolClass(pg)

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
