// The process that holds a server. It lives as long as the channel to its starter is open, so that the server and its
// folder go away however the test run ends, also by `kill -9`.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificates } from './certificates.ts'
import type { Kind } from './kind.ts'
import type { NodeAddress } from './server.ts'
import type { Way } from './way.ts'

/** What a server is started with. */
export interface StartRequest {
  readonly kind: Kind
  /** The password of the account that may do everything. */
  readonly password: string
  /** Without them the server has no TLS. */
  readonly certificates: Certificates | undefined
  /** The server's own settings beyond its defaults. */
  readonly settings: Readonly<Record<string, string>>
}

export interface HolderRequest extends StartRequest {
  readonly way: Way
}

/** The first node is the one to log in to, and `log` the file that its log goes to. */
export interface StartedNodes {
  readonly nodes: readonly NodeAddress[]
  readonly log: string
}

export type HolderAnswer = StartedNodes | { readonly error: string }

/** What a server is started in. */
export interface Life {
  /** A folder of its own, which goes when it does. */
  readonly folder: string
  /** What has to be done then, also where its start failed half-way; the last comes first. */
  onEnd(work: () => Promise<void>): void
}

const endings: (() => Promise<void>)[] = []
let starting: Promise<void> = Promise.resolve()

process.once('message', (request: HolderRequest) => {
  starting = start(request).then(answer, (error: unknown) =>
    answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})
process.once('disconnect', () => void stop())

async function start({ way, ...request }: HolderRequest): Promise<HolderAnswer> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-test-'))
  endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const life: Life = { folder, onEnd: (work) => endings.push(work) }
  // Each way has its own large dependencies.
  const { startNodes } =
    way === 'container'
      ? await import('./containers/start-nodes.ts')
      : await import('./native/start-nodes.ts')
  return startNodes(request, life)
}

async function stop(): Promise<void> {
  await starting
  for (const work of endings.toReversed()) {
    await work().catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
  }
  process.exit()
}

function answer(message: HolderAnswer): void {
  if (process.connected) process.send?.(message)
}
