import type { ServerKind } from '../servers/server.ts'
import { startServer, type OwnServer } from '../servers/start-server.ts'
import type { StartTarget, Target } from './target.ts'

/** A target in a server that is started for it, and that goes with it. */
export function inOwnServer(
  kind: ServerKind,
  prepare: (server: OwnServer, max: number) => Promise<Target>,
): StartTarget {
  return async ({ max, signal }) => {
    // Both accounts may stand at their ceiling at once; the rest is for us and for the server.
    const server = await startServer(kind, 2 * max + 20, signal)
    try {
      const target = await prepare(server, max)
      // With the server goes all that is in it.
      return { ...target, close: server.stop }
    } catch (error) {
      await server.stop()
      throw error
    }
  }
}
