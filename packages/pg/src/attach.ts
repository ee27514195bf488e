import {
  RekeyError,
  replaceMembers,
  Rotation,
  type CredentialsCache,
  type DrainedMessage,
  type GenerationCounts,
  type Login,
  type OpenOutcome,
  type OpenPurpose,
  type RotationDriver,
  type RotationOptions,
} from '@rekey/core'
import type pg from 'pg'
import { cancelQuery } from './cancel.ts'
import { aloneWith, rotatingClient } from './client.ts'
import type { ClientInternals, PendingItem, PoolInternals } from './driver.ts'
import { endPool } from './end.ts'
import { finishFirst } from './finish-first.ts'
import { checkBuiltPool } from './options.ts'
import { refusalOf } from './refusal.ts'
import type { ClientLife } from './rotating-client.ts'

/** What {@link attachRotation} gives back. */
export interface PoolRotation {
  /** Connections per version, the oldest first. */
  readonly generations: GenerationCounts[]
  /** Resolves when no connection is older than the newest version, after the sockets have closed. */
  drained(): Promise<void>
}

/**
 * Makes a pool that somebody else has built rotate: from now on its connections log in with `credentials`, and those
 * that are open already are replaced like an older version. The pool stays what it is.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` or `ERR_REKEY_BUDGET`, before anything is changed; `ERR_REKEY_DRIVER` if it
 * is not a pg pool of 8.20 or later, has ended, or rotates already.
 *
 * @example
 * const rotation = attachRotation(pool, credentials)
 * await rotation.drained()
 */
export function attachRotation(
  pool: pg.Pool,
  credentials: CredentialsCache,
  options: RotationOptions = {},
): PoolRotation {
  const driver = pool as unknown as PoolInternals
  checkPool(driver)
  checkBuiltPool(credentials, driver.options as pg.PoolConfig)
  const { end } = driver
  const rotation = install(driver, credentials, options)
  replaceMembers(driver, {
    end: (callback) => endPool(driver, rotation, () => end.call(driver), callback),
  })
  return {
    get generations() {
      return rotation.generations
    },
    drained: () => rotation.drained(),
  }
}

const rotating = new WeakSet<object>()

/** Has a {@link Rotation} work on the pool's own list of clients, its queue and its expiry. */
export function install(
  pool: PoolInternals,
  credentials: CredentialsCache,
  options: RotationOptions,
): Rotation<pg.Client> {
  /** What the pool is opening: for a caller, or for the rotation. `undefined` between dials. */
  let opening: OpenPurpose | 'caller' | undefined
  let opened: pg.Client | undefined
  /** Dials of the rotation that are logged in, and in the hands of the pool's `onConnect` or `verify`. */
  const inHooks = new Set<pg.Client>()
  const { _isFull, _release, newClient } = pool

  const translate: RotationDriver<pg.Client> = {
    name: 'pg.Pool',
    get max() {
      return Number(pool.options.max)
    },
    idle: () => pool._idle.map(({ client }) => client),
    open: (purpose, done) => dial(purpose, { callback: idleAtOnce(inHooks, done) }),
    retire(client) {
      finishFirst(client)
      pool._remove(client, () => pool._pulseQueue())
    },
    destroy(client) {
      // The pool would call it one that has died, or wait for ever for a hook that does not return.
      if (inHooks.delete(client)) pool._remove(client)
      asDriver(client).connection.stream.destroy()
    },
    cancel: (client) => cancelQuery(pool, client, credentials),
    describe: (client) => ({ processID: asDriver(client).processID }),
    // Out of the rotation's hands: what a listener throws is not its own.
    drained: (message: DrainedMessage) => process.nextTick(() => pool.emit('drained', message)),
  }
  const rotation = new Rotation(credentials, translate, options)
  const outsider = aloneWith(credentials, 'pg.Pool')

  /** The driver's own dial; gives back the client that it made. */
  function dial(purpose: OpenPurpose | 'caller', item: PendingItem): pg.Client | undefined {
    opened = undefined
    opening = purpose
    try {
      newClient.call(pool, item)
    } finally {
      opening = undefined
    }
    return opened
  }

  function life(client: pg.Client, login: Login, isOurs: boolean): ClientLife {
    return {
      login,
      tag: (read) => rotation.tag(client, read),
      ready() {
        if (isOurs) inHooks.add(client)
        rotation.ready(client)
      },
      closing: () => rotation.closing(client),
      closed() {
        inHooks.delete(client)
        rotation.closed(client)
        if (pool._pendingQueue.length > 0) pool._pulseQueue()
      },
    }
  }

  const Client = rotatingClient(pool.Client, (client) => {
    // A library may open a client of the pool's class for itself, to cancel a query for example.
    if (opening === undefined) return outsider
    const purpose = opening === 'probe' ? 'probe' : 'caller'
    const isOurs = opening !== 'caller'
    opened = client
    return () => {
      rotation.dialling(client)
      return life(client, rotation.logins.start(purpose), isOurs)
    }
  })

  for (const client of pool._clients) {
    rotation.found(client)
    asDriver(client).connection.stream.once('close', () => rotation.closed(client))
  }

  replaceMembers(pool, {
    Client,
    newClient: (item) => void dial('caller', item),
    // A socket that is still closing, or that the pool has forgotten, holds its slot at the server.
    _isFull: () => _isFull.call(pool) || rotation.sessions >= Number(pool.options.max),
    _release(client, idleListener, error) {
      if (rotation.wantsOne && rotation.takes(client)) {
        // The pool's own way to let a client go when its holder gives it back.
        pool._expired.add(client)
        if (!error) finishFirst(client)
      }
      _release.call(pool, client, idleListener, error)
    },
  })
  rotating.add(pool)
  // Whoever forwards this pool's options to a pool or client of its own gets the credentials along.
  pool.options.Client = Client
  return rotation
}

/** A caller that gives its connection back unused, so that it is idle; it does not count as a use. */
function idleAtOnce(inHooks: Set<pg.Client>, done: (outcome: OpenOutcome) => void) {
  return (error: unknown, client?: pg.PoolClient, release?: (error?: unknown) => void): void => {
    if (client === undefined) return done(refusalOf(error) === undefined ? 'failed' : 'refused')
    inHooks.delete(client)
    asDriver(client)._poolUseCount = -1
    release?.()
    done('opened')
  }
}

function asDriver(client: pg.Client): ClientInternals {
  return client as unknown as ClientInternals
}

function checkPool(pool: PoolInternals): void {
  const given = unfitness(pool)
  if (given === undefined) return
  throw new RekeyError('ERR_REKEY_DRIVER', `attachRotation was given ${given}.`, {
    option: 'pool',
    given,
    allowed: 'an open pool of pg 8.20 or later that does not rotate yet',
  })
}

function unfitness(pool: PoolInternals): string | undefined {
  const missing = (['newClient', '_isFull', '_release', '_remove', '_pulseQueue'] as const).find(
    (name) => typeof pool?.[name] !== 'function',
  )
  if (missing !== undefined) return `something without ${missing}`
  if (pool.ending) return 'a pool that was ended'
  return rotating.has(pool) ? 'a pool that rotates already' : undefined
}
