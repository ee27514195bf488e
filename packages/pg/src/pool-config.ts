import { Logins, nextReplacement, poolTimings, type CredentialsCache } from '@rekey/core'
import pg from 'pg'
import { rotatingClient } from './client.ts'
import type { ClientClass } from './driver.ts'
import { checkPoolConfig } from './options.ts'
import type { ClientLife } from './rotating-client.ts'

/**
 * A configuration for a pool that somebody else builds: the same options, with a `Client` that rotates. For libraries
 * that take a configuration and not a pool. Where a pool can be given, give a `Pool`: it also opens replacements
 * ahead, keeps `max` while sockets close, and converges without traffic.
 *
 * Here an old connection leaves when its holder gives it back, one at a time, at the rotation's pace. One that nobody
 * takes leaves by the pool's own `maxLifetimeSeconds`, which is set so that it fits into the overlap window unless the
 * configuration has one.
 *
 * @throws {RekeyError} as `Pool`.
 *
 * @example
 * const pool = new pg.Pool(poolConfig(credentials, { host: 'db.internal', database: 'app' }))
 */
export function poolConfig<Config extends pg.PoolConfig>(
  credentials: CredentialsCache,
  config: Config,
): Config & { Client: ClientClass } {
  checkPoolConfig(credentials, config)
  const { clock } = credentials
  const { spread, drainDeadline } = poolTimings(credentials.timings, {})
  let lastAt = 0
  let spreadEnd = 0
  const logins = new Logins(credentials, {
    pool: 'pg.Pool',
    callersProve: true,
    onProven() {
      lastAt = clock.now()
      spreadEnd = lastAt + spread
    },
  })
  const open = new Map<pg.Client, string>()
  const leaving = new Set<pg.Client>()

  /** A slot was emptied for a login that proves the newest version, and none has come yet. */
  let awaitsProof = false

  /** Whether a connection that is given back is to leave: it is old, it is its turn, and no other one is on its way out. */
  function leaves(client: pg.Client): boolean {
    const { current } = credentials
    if (current === undefined || leaving.size > 0 || open.get(client) === current.version) {
      return false
    }
    logins.adopt(current)
    const works = logins.works(current.version)
    if (works ? !isDue(current.version) : !mayProve()) return false
    awaitsProof = !works
    lastAt = clock.now()
    leaving.add(client)
    return true
  }

  function isDue(newest: string): boolean {
    const old = [...open.values()].filter((version) => version !== newest).length
    return clock.now() >= nextReplacement(lastAt, spreadEnd, old)
  }

  // In a pool that is full and busy nobody would ever dial, and so nobody would log in with the newest version.
  function mayProve(): boolean {
    return !awaitsProof && clock.now() >= (logins.probeAt() ?? Infinity)
  }

  function life(client: pg.Client): ClientLife {
    return {
      login: logins.start('caller'),
      tag({ version }) {
        awaitsProof = false
        open.set(client, version)
      },
      ready: () => onRelease(client as pg.PoolClient, () => leaves(client)),
      closing: () => {},
      closed() {
        open.delete(client)
        leaving.delete(client)
      },
    }
  }

  const Client = rotatingClient(
    (config.Client as ClientClass | undefined) ?? pg.Client,
    (client) => () => life(client),
  )
  const maxLifetimeSeconds = Math.max(1, Math.floor((spread + drainDeadline) / 1000))
  return { maxLifetimeSeconds, ...config, Client }
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
