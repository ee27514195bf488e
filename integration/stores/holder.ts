// The process that holds a store of the tests.

import { hold } from '../../packages/drill/src/servers/hold.ts'
import type { Life } from '../../packages/drill/src/servers/server.ts'
import { startEtcd } from './etcd.ts'
import { startMoto } from './moto.ts'

const starts = { etcd: startEtcd, moto: startMoto }

export interface StoreRequest {
  readonly kind: keyof typeof starts
}

hold('rekey-store-', ({ kind }: StoreRequest, life: Life): Promise<string> => starts[kind](life))
