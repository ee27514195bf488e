import { Logins, type CredentialsCache, type Timer } from '@rekey/core'
import { DialPause } from './dial-pause.ts'
import type { CredentialsFactory } from './factory.ts'
import type { RotatingFactory } from './rotating-factory.ts'
import { Slot } from './slot.ts'

const closeDeadline = 10_000

/** What a factory can do by itself in a pool that knows of no rotation. */
export function standAlone<T>(
  credentials: CredentialsCache,
  factory: CredentialsFactory<T>,
): RotatingFactory<T> {
  const logins = new Logins(credentials, { pool: 'generic-pool', callersProve: true })
  const slots = new Map<T, Slot<T>>()
  const versions = new WeakMap<Slot<T>, string>()
  /** Those that the pool does not count any more. */
  const closing = new Map<Slot<T>, Timer>()
  const waiting: (() => void)[] = []
  let awaitsProof = false
  const pause = new DialPause(credentials, () => {
    for (const goOn of waiting.splice(0)) goOn()
  })

  /** The pool asks again at once after a failure, and for a place whose socket is still closing. */
  async function untilItMay(): Promise<void> {
    while (pause.isOn) await new Promise<void>((resolve) => waiting.push(resolve))
    await Promise.all([...closing.keys()].map(({ gone }) => gone))
  }

  function begin(): Slot<T> {
    const slot: Slot<T> = new Slot(factory, logins.start('caller'), {
      tag({ version }) {
        awaitsProof = false
        versions.set(slot, version)
      },
      closing: () =>
        void closing.set(
          slot,
          credentials.clock.after(closeDeadline, () => slot.drop()),
        ),
      closed() {
        closing.get(slot)?.cancel()
        closing.delete(slot)
      },
    })
    return slot
  }

  function mayLeave(slot: Slot<T>): boolean {
    const { current, clock } = credentials
    if (current === undefined || versions.get(slot) === current.version) return false
    logins.adopt(current)
    if (logins.works(current.version)) return true
    // For the first login with a new version one connection makes room, and no other before that is over.
    if (awaitsProof || clock.now() < (logins.probeAt() ?? Infinity)) return false
    awaitsProof = true
    return true
  }

  return {
    async create() {
      await untilItMay()
      const slot = begin()
      try {
        const connection = await slot.dial()
        pause.end()
        slots.set(connection, slot)
        return connection
      } catch (error) {
        pause.begin(true)
        throw error
      }
    },
    destroy(connection) {
      const slot = slots.get(connection)
      slots.delete(connection)
      return slot?.destroy() ?? Promise.resolve()
    },
    async validate(connection) {
      const slot = slots.get(connection)
      return slot !== undefined && !mayLeave(slot) && slot.validate()
    },
  }
}
