import { setTimeout as sleep } from 'node:timers/promises'
import { createCredentials, fromFunction, systemClock, type Clock } from '@rekey/core'
import { heapAfterCollection } from './collect-garbage.ts'
import { watchSessions } from './sessions.ts'
import type { Connection, Pool, RekeyPool, Server, Subject } from './subject.ts'

/** What a process holds at one moment, between two rotations. */
export interface Holdings {
  readonly rotations: number
  /** Bytes after garbage collection. */
  readonly heap: number
  /** Timers that are still to fire, those that do not keep the process alive included. */
  readonly timers: number
  /** What keeps the process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
  /** On the pool, its clients, their connections and sockets, and the process. */
  readonly listeners: number
  /** At the server. */
  readonly sessions: number
}

/** Rotates a pool many times and counts on the way what could have been left behind. */
export async function measureGrowth(
  subject: Subject,
  server: Server,
  { max, lookAt }: { max: number; lookAt: readonly number[] },
  signal: AbortSignal,
): Promise<Holdings[]> {
  const timers = countingClock()
  let version = 1
  let onChange: (() => void) | undefined
  const source = fromFunction(
    () => ({ ...server.accounts[version % 2 === 0 ? 0 : 1], version: String(version) }),
    // The store pushes: a rotation begins when it is published.
    { watch: (listener) => void (onChange = listener) },
  )
  const credentials = createCredentials(source, { overlap: 60_000, clock: timers.clock })
  const pool = subject.openRekey(server.address, max, credentials, { spread: 0 })
  const sessions = await watchSessions(server, 1_000)
  const results: Holdings[] = []
  try {
    for (let rotations = 1; rotations <= Math.max(...lookAt); rotations += 1) {
      signal.throwIfAborted()
      // One connection is lent when the rotation begins, so that all ways to retire one are taken.
      const lent = await fill(pool, max - subject.shared)
      version += 1
      onChange?.()
      await lent.query(subject.short)
      lent.release()
      while (credentials.current?.version !== String(version)) await sleep(0)
      await pool.drained()
      if (!lookAt.includes(rotations)) continue
      // Drained is said when the last old socket is closed; the slot's new connection is on its way then.
      await sleep(200)
      results.push({
        rotations,
        heap: await heapAfterCollection(),
        timers: timers.pending(),
        resources: countEach(process.getActiveResourcesInfo()),
        listeners: listenersOf(pool),
        sessions: (await sessions.now()).length,
      })
    }
    return results
  } finally {
    await sessions.stop()
    await pool.end()
    await credentials.close()
  }
}

/** Opens as many connections as there may be, and keeps one. */
async function fill(pool: Pool, max: number): Promise<Connection> {
  const connections = await Promise.all(Array.from({ length: max }, () => pool.connect()))
  const [first, ...others] = connections
  for (const connection of others) connection.release()
  if (first === undefined) throw new RangeError(`max is ${max}`)
  return first
}

/** The system's clock, and how many of its timers are still to fire. */
function countingClock(): { clock: Clock; pending(): number } {
  const timers = new Set<object>()
  return {
    clock: {
      ...systemClock,
      after(delay, callback, options) {
        const timer = systemClock.after(
          delay,
          () => {
            timers.delete(timer)
            callback()
          },
          options,
        )
        timers.add(timer)
        return {
          cancel() {
            timers.delete(timer)
            timer.cancel()
          },
        }
      },
    },
    pending: () => timers.size,
  }
}

function countEach(names: readonly string[]): Record<string, number> {
  const groups = Object.entries(Object.groupBy(names, (name) => name))
  return Object.fromEntries(groups.map(([name, members = []]) => [name, members.length]))
}

function listenersOf(pool: RekeyPool): number {
  return [process, ...pool.emitters()]
    .flatMap((emitter) => emitter.eventNames().map((name) => emitter.listenerCount(name)))
    .reduce((sum, count) => sum + count, 0)
}
