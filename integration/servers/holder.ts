// The process that holds a server of the tests.

import { hold } from '../../packages/drill/src/servers/hold.ts'
import type { Life, ServerRequest } from '../../packages/drill/src/servers/server.ts'
import { isGroup, serverOf, type Kind } from './kind.ts'
import type { NodeAddress } from './server.ts'
import type { Way } from './way.ts'

export interface HolderRequest extends ServerRequest {
  readonly kind: Kind
  readonly way: Way
}

/** The first node is the one to log in to, and `log` the file that its log goes to. */
export interface StartedNodes {
  readonly nodes: readonly NodeAddress[]
  readonly log: string
}

async function start({ kind, way, ...request }: HolderRequest, life: Life): Promise<StartedNodes> {
  // Each way has its own large dependencies.
  const { startServer, startGroup } =
    way === 'container' ? await import('./containers/start.ts') : await import('./native/start.ts')
  if (!isGroup(kind)) return startServer(kind, request, life)
  const { groups } = await import('./redis-groups/groups.ts')
  const group = groups[kind]
  const started = await startGroup(serverOf(kind), request, await group.plan(request), life)
  await group.form(started.nodes, request)
  return started
}

hold('rekey-test-', start)
