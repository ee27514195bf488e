import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from './subject.ts'

/** Watches the server's own list of sessions. */
export interface Sessions {
  /** The most that any look has seen, those that are still logging in included. */
  readonly peak: number
  /** Which there are now. */
  now(): Promise<readonly string[]>
  stop(): Promise<void>
}

/** All that there are but those of `others`. */
export async function watchSessions(
  server: Server,
  everyMs: number,
  others: ReadonlySet<string> = new Set(),
): Promise<Sessions> {
  const lookout = await server.lookout()
  const look = async (): Promise<string[]> =>
    (await lookout.sessions()).filter((session) => !others.has(session))
  let peak = 0
  let stopped = false
  const watching = (async () => {
    while (!stopped) {
      peak = Math.max(peak, (await look()).length)
      await sleep(everyMs)
    }
  })()
  return {
    get peak() {
      return peak
    },
    now: look,
    async stop() {
      stopped = true
      await watching
      await lookout.end()
    },
  }
}
