// The process that holds a server of the tests.

import { hold } from '../../packages/drill/src/servers/hold.ts'
import type { Life, ServerRequest } from '../../packages/drill/src/servers/server.ts'
import type { Kind } from './kind.ts'
import type { NodeAddress } from './server.ts'
import type { Way } from './way.ts'

/** What a server is started with. */
export interface StartRequest extends ServerRequest {
  readonly kind: Kind
}

export interface HolderRequest extends StartRequest {
  readonly way: Way
}

/** The first node is the one to log in to, and `log` the file that its log goes to. */
export interface StartedNodes {
  readonly nodes: readonly NodeAddress[]
  readonly log: string
}

async function start({ way, ...request }: HolderRequest, life: Life): Promise<StartedNodes> {
  // Each way has its own large dependencies.
  const { startNodes } =
    way === 'container'
      ? await import('./containers/start-nodes.ts')
      : await import('./native/start-nodes.ts')
  return startNodes(request, life)
}

hold('rekey-test-', start)
