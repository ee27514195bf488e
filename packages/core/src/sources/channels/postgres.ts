import { systemClock } from '../../clock.ts'
import { text } from '../../options.ts'
import { backoffDelay, refreshBackoff } from '../../schedule.ts'
import { sleep } from '../../sleep.ts'
import type { Channel } from '../notified-by.ts'

/** A connected client of `pg`, known by its shape. */
export interface ListeningClient {
  query(statement: string): Promise<unknown>
  on(event: 'notification', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  end(): Promise<void>
  /** Without it the connection keeps the process alive. */
  unref?(): void
}

/**
 * Wakes at each `NOTIFY` of a channel of PostgreSQL. `connect` opens a connection of its own, which may log in with the
 * very credentials that it watches. One that is lost is opened again with backoff, and what was missed meanwhile is made
 * good by one wake-up.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a channel that is missing.
 *
 * @example
 * postgresChannel(async () => {
 *   const client = new Client({ host, database, credentials })
 *   await client.connect()
 *   return client
 * }, 'credentials_rotated')
 */
export function postgresChannel(connect: () => Promise<ListeningClient>, name: string): Channel {
  text('name', name, 'the name of a channel')
  const listen = `LISTEN "${name.replaceAll('"', '""')}"`
  return (wake, { signal, onError, clock = systemClock }) => {
    let failures = 0

    async function listenOnce(): Promise<void> {
      const client = await connect()
      const { promise: over, resolve, reject } = Promise.withResolvers<void>()
      const leave = (): void => resolve()
      signal.addEventListener('abort', leave)
      if (signal.aborted) leave()
      client.on('error', reject)
      client.on('end', () => reject(new Error(`The connection that listens to ${name} has ended.`)))
      client.on('notification', wake)
      client.unref?.()
      try {
        await Promise.race([client.query(listen), over])
        failures = 0
        // What was said before is not repeated.
        wake()
        await over
      } finally {
        signal.removeEventListener('abort', leave)
        over.catch(() => {})
        await client.end().catch(() => {})
      }
    }

    async function keepListening(): Promise<void> {
      while (!signal.aborted) {
        await listenOnce().catch((error: unknown) => {
          if (!signal.aborted) onError(error)
        })
        failures += 1
        const wait = backoffDelay(failures, refreshBackoff, Math.random)
        await sleep(clock, wait, signal)
      }
    }

    void keepListening()
  }
}
