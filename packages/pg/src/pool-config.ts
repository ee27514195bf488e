import type { CredentialsCache, TheirRotation } from '@rekey/core'
import pg from 'pg'
import type { ClientClass } from './driver.ts'
import { checkPoolConfig } from './options.ts'
import { theirClients } from './their-pool.ts'

/**
 * A configuration for a pool that somebody else builds: the same options, with a `Client` that rotates. For libraries
 * that take a configuration and not a pool. Where a pool can be given, give a `Pool`: it also opens replacements
 * ahead, and converges without traffic.
 *
 * Here an old connection leaves when its holder gives it back, one at a time, at the rotation's pace. One that nobody
 * takes leaves by the pool's own `maxLifetimeSeconds`, which is set so that it fits into the overlap window unless the
 * configuration has one.
 *
 * @param rotation `spread` and `drainDeadline` in milliseconds, and `maxRefusals`, with the defaults of `Pool`.
 * @throws {RekeyError} as `Pool`.
 *
 * @example
 * const pool = new pg.Pool(poolConfig(credentials, { host: 'db.internal', database: 'app' }))
 */
export function poolConfig<Config extends pg.PoolConfig>(
  credentials: CredentialsCache,
  config: Config,
  rotation: TheirRotation = {},
): Config & { Client: ClientClass } {
  checkPoolConfig(credentials, config)
  // The driver takes a number in a string, and by two names; 10 is its default.
  const { max, poolSize = 10 }: Sizes = config
  const clients = theirClients(credentials, {
    Client: (config.Client as ClientClass | undefined) ?? pg.Client,
    max: Number(max ?? poolSize),
    rotation,
    onReady: (client) => onRelease(client as pg.PoolClient, () => clients.leaves(client)),
  })
  const maxLifetimeSeconds = Math.max(1, Math.floor(clients.lifetime / 1000))
  return { maxLifetimeSeconds, ...config, Client: clients.Client }
}

interface Sizes {
  max?: number | string | undefined
  poolSize?: number | string | undefined
}

/** The pool hands out a new `release` with each loan; it closes the connection where it is given a truth. */
function onRelease(client: pg.PoolClient, leaves: () => boolean): void {
  let release = client.release
  Object.defineProperty(client, 'release', {
    configurable: true,
    enumerable: true,
    get: () => release,
    set(given: pg.PoolClient['release']) {
      release = (error) => given(error || leaves() || undefined)
    },
  })
}
