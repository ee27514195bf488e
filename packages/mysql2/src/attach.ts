import { tracingChannel } from 'node:diagnostics_channel'
import {
  replaceMembers,
  Rotation,
  type CredentialsCache,
  type DrainedMessage,
  type OpenPurpose,
  type RotationDriver,
  type RotationOptions,
} from '@rekey/core'
import { cancelQuery } from './cancel.ts'
import {
  foreignConnection,
  type Driver,
  type GetConnectionCallback,
  type PoolConnectionInternals,
  type PoolInternals,
} from './driver.ts'
import { refusalOf } from './refusal.ts'
import { Slot, type SlotLife } from './slot.ts'

/** A pool's rotation, and the slots that it works with. */
export interface Installed {
  readonly rotation: Rotation<Slot>
  /** Those that nobody holds. */
  idle(): Iterable<Slot>
  /** Everything from the moment it takes a slot until its socket is closed. */
  readonly slots: ReadonlySet<Slot>
}

/** Has a {@link Rotation} work on the pool's own lists of connections and its queue. */
export function install(
  driver: Driver,
  pool: PoolInternals,
  credentials: CredentialsCache,
  options: RotationOptions,
): Installed {
  const slots = new Set<Slot>()
  const slotOf = new WeakMap<PoolConnectionInternals, Slot>()
  let callersDialling = 0
  const { getConnection, releaseConnection, _removeConnection } = pool

  const translate: RotationDriver<Slot> = {
    name: 'mysql2.Pool',
    get max() {
      return limit()
    },
    *idle() {
      for (let index = 0; index < pool._freeConnections.length; index += 1) {
        const connection = pool._freeConnections.get(index)
        const slot = connection && slotOf.get(connection)
        if (slot !== undefined) yield slot
      }
    },
    open(purpose, done) {
      const slot = dial(purpose, (error, connection) => {
        if (connection === undefined) {
          const isRefused = refusalOf(error) !== undefined
          done(isRefused ? 'refused' : 'failed')
          if (isRefused) endRowOfRefusals(slot)
          return
        }
        pool.emit('connection', connection)
        connection._released = true
        pool._handleSuccessfulRelease(connection)
        done('opened')
      })
      return slot
    },
    retire: (slot) => slot.leave(),
    destroy: (slot) => slot.destroy(),
    cancel: ({ connection }) => connection && cancelQuery(driver, connection),
    describe: ({ connection }) => ({ threadId: connection?.threadId }),
    // Out of the rotation's hands: what a listener throws is not its own.
    drained: (message: DrainedMessage) => process.nextTick(() => pool.emit('drained', message)),
  }
  const rotation = new Rotation(credentials, translate, options)

  function dial(purpose: OpenPurpose | 'caller', callback: GetConnectionCallback): Slot {
    const slot = new Slot(driver, pool, begin, callback)
    function begin(taken: Slot): SlotLife {
      slots.add(taken)
      rotation.dialling(taken)
      return {
        login: rotation.logins.start(purpose === 'probe' ? 'probe' : 'caller'),
        dialling(connection, read) {
          slotOf.set(connection, taken)
          rotation.tag(taken, read)
        },
        ready: () => rotation.ready(taken),
        closing: () => rotation.closing(taken),
        closed() {
          slots.delete(taken)
          rotation.closed(taken)
          serveQueue()
        },
      }
    }
    slot.connect()
    return slot
  }

  function dialForCaller(callback: GetConnectionCallback): void {
    callersDialling += 1
    dial('caller', (error, connection) => {
      callersDialling -= 1
      if (pool._closed) return callback(new Error('Pool is closed.'))
      if (connection === undefined) return callback(error)
      pool.emit('connection', connection)
      pool.emit('acquire', connection)
      callback(null, connection)
    })
  }

  /**
   * The server may lock an account after some wrong passwords in a row, and with it the password that works. One login
   * with that ends the row. Where the pool is full, the refused slot has just been refilled by one.
   */
  function endRowOfRefusals({ user }: Slot): void {
    const works = [...slots].some((slot) => slot.isOpen && slot.user === user)
    if (!works || !hasRoom() || pool._closed) return
    const slot = dial('caller', (_, connection) => {
      if (connection !== undefined) slot.leave()
    })
  }

  // The driver takes 0 for no limit, and reads it live.
  function limit(): number {
    return Number(pool.config.connectionLimit) || Infinity
  }

  // A socket that is still closing, or that waits for credentials, holds its slot.
  function hasRoom(): boolean {
    return rotation.sessions < limit()
  }

  function serveQueue(): void {
    while (pool._connectionQueue.length > 0 && !pool._closed && hasRoom()) {
      const callback = pool._connectionQueue.shift()
      if (callback !== undefined) pool.getConnection(callback)
    }
  }

  /** As the driver does it where its connections are all in use: its own count would let a caller dial. */
  function enqueue(callback: GetConnectionCallback): void {
    const { waitForConnections, queueLimit } = pool.config
    // Who would have a slot but for a rotation, or a socket that is closing, is no caller too many.
    const isTooMany = (most: number): boolean =>
      pool._connectionQueue.length >= most + Math.max(0, limit() - slotsOfCallers())
    if (!waitForConnections && isTooMany(0)) {
      process.nextTick(callback, new Error('No connections available.'))
    } else if (queueLimit && isTooMany(queueLimit)) {
      callback(new Error('Queue limit reached.'))
    } else {
      pool.emit('enqueue')
      pool._connectionQueue.push(callback)
    }
  }

  /** Those that are lent, where none is free, or dialled for a caller who waits. */
  function slotsOfCallers(): number {
    const lent = [...slots].filter(({ isOpen, connection }) => isOpen && connection?._pool)
    return lent.length + callersDialling
  }

  /** Whether a connection that is given back is to be closed instead; then it is. */
  function leaves(connection: PoolConnectionInternals): boolean {
    const slot = rotation.wantsOne ? slotOf.get(connection) : undefined
    if (slot === undefined || !rotation.takes(slot)) return false
    slot.leave()
    return true
  }

  replaceMembers(pool, {
    getConnection(callback) {
      if (pool._closed || pool._freeConnections.length > 0) getConnection.call(pool, callback)
      else if (hasRoom()) traced(pool, dialForCaller, callback)
      else traced(pool, enqueue, callback)
    },
    releaseConnection(connection) {
      if (pool._closed) return slotOf.get(connection)?.quit()
      if (!connection._pool) return serveQueue()
      if (connection._pool !== pool) throw foreignConnection()
      if (leaves(connection)) return
      if (!pool.config.resetOnRelease) return releaseConnection.call(pool, connection)
      connection.reset((error) => {
        if (error) connection.destroy()
        // The pool may have ended meanwhile: what is given back then closes.
        else if (pool._closed) slotOf.get(connection)?.quit()
        else if (!leaves(connection)) pool._handleSuccessfulRelease(connection)
      })
    },
    _removeConnection(connection) {
      slotOf.get(connection)?.left()
      _removeConnection.call(pool, connection)
    },
  })
  return { rotation, slots, idle: () => translate.idle() }
}

const poolConnect = tracingChannel('mysql2:pool:connect')

/** On the driver's channel, as it traces its own. */
function traced(
  pool: PoolInternals,
  get: (callback: GetConnectionCallback) => void,
  callback: GetConnectionCallback,
): void {
  if (!poolConnect.hasSubscribers) return get(callback)
  const { database, socketPath, host, port } = pool.config.connectionConfig
  const context = {
    database: database || '',
    serverAddress: socketPath || host,
    serverPort: socketPath ? undefined : port,
  }
  poolConnect.traceCallback(get, 0, context, undefined, callback)
}
