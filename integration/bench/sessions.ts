import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from './server.ts'

/** Watches the server's own list of sessions. */
export interface Sessions {
  /** The most that any look has seen, those that are still logging in included. */
  readonly peak: number
  /** How many there are now. */
  now(): Promise<number>
  /** How many are left that began before this wall time. */
  from(before: Date): Promise<number>
  stop(): Promise<void>
}

// Nobody but the benchmark uses this server: whoever is not this connection belongs to the pool.
const count = `select count(*)::int as sessions from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`

export async function watchSessions(server: Server, everyMs: number): Promise<Sessions> {
  const admin = await server.admin()
  let peak = 0
  let stopped = false
  const look = async (more = '', values: unknown[] = []): Promise<number> => {
    const { rows } = await admin.query<{ sessions: number }>(count + more, values)
    return rows[0]?.sessions ?? 0
  }
  const watching = (async () => {
    while (!stopped) {
      peak = Math.max(peak, await look())
      await sleep(everyMs)
    }
  })()
  return {
    get peak() {
      return peak
    },
    now: () => look(),
    from: (before) => look(' and backend_start < $1', [before]),
    async stop() {
      stopped = true
      await watching
      await admin.end()
    },
  }
}
