// The process that holds a drill's own server.

import { hold } from './hold.ts'
import type { ServerKind, ServerNode, ServerRequest } from './server.ts'
import { startNative } from './start-native.ts'

/** What is asked for, once. */
export interface HolderRequest extends ServerRequest {
  readonly kind: ServerKind
}

hold('rekey-drill-', ({ kind, ...request }: HolderRequest, life): Promise<ServerNode> =>
  startNative(kind, request, life),
)
