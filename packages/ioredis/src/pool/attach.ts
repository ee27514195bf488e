import {
  RekeyError,
  Rotation,
  type CredentialsCache,
  type OpenOutcome,
  type OpenPurpose,
  type ReplacingDriver,
  type RotationOptions,
} from '@rekey/core'
import { DialPause } from './dial-pause.ts'
import type { PoolInternals } from './driver.ts'
import { refusalBy, type CredentialsFactory } from './factory.ts'
import { rejectAll, rejectFirst, takeIdle } from './queue.ts'
import { Slot } from './slot.ts'

/** What a pool's class asks of what {@link install} has made. */
export interface Attached<T> {
  readonly rotation: Rotation<Slot<T>>
  /** Dials under way that callers wait for. */
  readonly callersDials: number
  /** Whether a caller's dial may begin. If not, the pool is told when it may. */
  readonly mayDial: boolean
  /** Whether a connection that is given back is to be closed instead. */
  takes(connection: T): boolean
  /** The pool has put a connection on its list. */
  listed(connection: T): void
  /** Opens and retires nothing any more but for those who are in the queue. */
  drain(): void
  /** Nobody is in the queue. */
  drained(): void
  /** Gives up every dial; whatever is listed from now on is closed. */
  clear(): void
  /** Resolves when the socket of everything that is not lent is closed. */
  settled(): Promise<unknown>
}

/** A dial that the rotation has asked for. */
interface Asked {
  readonly purpose: OpenPurpose
  readonly done: (outcome: OpenOutcome) => void
}

/** Has a {@link Rotation} work on the pool's own list and queue. `dial` is the driver's own way to begin one. */
export function install<T>(
  pool: PoolInternals<T>,
  credentials: CredentialsCache,
  factory: CredentialsFactory<T>,
  options: RotationOptions,
  dial: () => void,
): Attached<T> {
  /** All that have a place at the server. */
  const places = new Set<Slot<T>>()
  const slots = new Map<T, Slot<T>>()
  /** Those that the pool has not on its list yet, and who has asked for them. */
  const dials = new Map<Slot<T>, Asked | undefined>()
  const pause = new DialPause(credentials, pulse)
  let asked: Asked | undefined
  let opened: Slot<T> | undefined
  let isCleared = false

  const translate: ReplacingDriver<Slot<T>> = {
    name: 'generic-pool',
    get max() {
      return pool.max
    },
    idle,
    open(purpose, done) {
      opened = undefined
      asked = { purpose, done }
      dial()
      asked = undefined
      return opened
    },
    retire: closeIdle,
    destroy: (slot) => slot.drop(),
    cancel(slot) {
      const other = idle().find(({ isOpen }) => isOpen)
      factory.cancel?.(slot.connection as T, other?.connection)
    },
    describe: (slot) => factory.describe?.(slot.connection as T),
    // Out of the rotation's hands: what a listener throws is not its own.
    drained: (message) => process.nextTick(() => pool.emit('drained', message)),
  }
  const rotation = new Rotation(credentials, translate, options)

  function idle(): Slot<T>[] {
    const found = [...pool._availableObjects].flatMap(({ obj }) => slots.get(obj) ?? [])
    return pool._config.fifo ? found : found.toReversed()
  }

  function closeIdle(slot: Slot<T>): void {
    const found = takeIdle(pool, (connection) => slots.get(connection) === slot)
    if (found !== undefined) pool._destroy(found)
  }

  /** Has the pool open what it lacks, for its minimum and for those who wait. */
  function pulse(): void {
    pool._ensureMinimum()
    pool._dispense()
  }

  function callersDials(): number {
    return [...dials.values()].filter((by) => by === undefined).length
  }

  function begin(by: Asked | undefined): Slot<T> {
    const login = rotation.logins.start(by?.purpose === 'probe' ? 'probe' : 'caller')
    const slot: Slot<T> = new Slot(factory, login, {
      tag: (read) => rotation.tag(slot, read),
      closing: () => rotation.closing(slot),
      closed(byItself) {
        places.delete(slot)
        rotation.closed(slot)
        if (byItself) closeIdle(slot)
        // A dial that failed is not over before it is known why.
        if (!dials.has(slot)) pulse()
      },
    })
    places.add(slot)
    dials.set(slot, by)
    rotation.dialling(slot)
    return slot
  }

  function failed(slot: Slot<T>, by: Asked | undefined, error: unknown): void {
    dials.delete(slot)
    const isRefused = refusalBy(factory, error) !== undefined
    by?.done(isRefused ? 'refused' : 'failed')
    if (by === undefined) {
      pause.begin(pool.pending > 0)
      const served = pool._availableObjects.length + pool._testOnBorrowResources.size
      const isOwed = pool.pending > served + callersDials()
      // There is nothing left to try. Where the network failed there is: as ever, who waits goes on waiting.
      if (isOwed && (isRefused || error instanceof RekeyError)) rejectFirst(pool, error)
    }
    if (pool._draining && pool._allObjects.size === 0 && dials.size === 0) rejectAll(pool, error)
  }

  pool._factory = {
    async create() {
      const by = asked
      const slot = begin(by)
      opened = slot
      try {
        const connection = await slot.dial()
        slots.set(connection, slot)
        pause.end()
        return connection
      } catch (error) {
        failed(slot, by, error)
        throw error
      }
    },
    destroy(connection) {
      const slot = slots.get(connection)
      slots.delete(connection)
      return slot?.destroy() ?? Promise.resolve()
    },
    validate: (connection) => slots.get(connection)?.validate() ?? Promise.resolve(false),
  }

  return {
    rotation,
    get callersDials() {
      return callersDials()
    },
    get mayDial() {
      return rotation.sessions < pool.max && !pause.isOn
    },
    takes(connection) {
      const slot = slots.get(connection)
      return slot !== undefined && rotation.wantsOne && rotation.takes(slot)
    },
    listed(connection) {
      const slot = slots.get(connection)
      if (slot === undefined) return
      const by = dials.get(slot)
      if (dials.delete(slot) && slot.isOpen) rotation.ready(slot)
      by?.done(slot.isOpen ? 'opened' : 'failed')
      if (isCleared || !slot.isOpen) closeIdle(slot)
    },
    drain() {
      rotation.close()
      pause.end()
    },
    drained: () => pause.stop(),
    clear() {
      isCleared = true
      for (const slot of dials.keys()) {
        rotation.closing(slot)
        slot.drop()
      }
    },
    settled: () => Promise.all([...places].filter(({ isOpen }) => !isOpen).map(({ gone }) => gone)),
  }
}
