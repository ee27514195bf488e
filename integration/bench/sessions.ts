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

export async function watchSessions(server: Server, everyMs: number): Promise<Sessions> {
  const lookout = await server.lookout()
  let peak = 0
  let stopped = false
  const watching = (async () => {
    while (!stopped) {
      peak = Math.max(peak, (await lookout.sessions()).length)
      await sleep(everyMs)
    }
  })()
  return {
    get peak() {
      return peak
    },
    now: () => lookout.sessions(),
    async stop() {
      stopped = true
      await watching
      await lookout.end()
    },
  }
}
