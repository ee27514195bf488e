import type { ServerKind, Topology } from '../servers/server.ts'
import { startServer, type OwnServer } from '../servers/start-server.ts'
import type { StartTarget, Target } from './target.ts'

/** A server that was started for a target. */
export interface ServerOfTarget extends OwnServer {
  /** What has to be done before it goes: connections that would look for it for ever have to be given up. */
  readonly onStop: (work: () => void) => void
}

/** A target in a server that is started for it, and that goes with it. */
export function inOwnServer(
  kind: ServerKind,
  prepare: (server: ServerOfTarget, max: number) => Promise<Target>,
  topology: Topology = 'single',
): StartTarget {
  return async ({ max, signal }) => {
    // Both accounts may stand at their ceiling at once; the rest is for us and for the server.
    const server = await startServer(kind, 2 * max + 20, signal, topology)
    const endings: (() => void)[] = []
    const stop = async (): Promise<void> => {
      for (const work of endings) work()
      await server.stop()
    }
    try {
      const target = await prepare({ ...server, onStop: (work) => endings.push(work) }, max)
      // With the server goes all that is in it.
      return { ...target, close: stop }
    } catch (error) {
      await stop()
      throw error
    }
  }
}
