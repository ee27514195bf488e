import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Life, Restartable } from './server.ts'

/** What the process that holds a server answers to its starter, to each message once. */
export type HolderAnswer<Started> = { readonly started: Started } | { readonly error: string }

/** What a holder is told once it has started: which of the server's processes, by its place, and what to do with it. */
export interface Order {
  readonly place: number
  readonly work: keyof Restartable
}

/**
 * Makes this process one that holds a server. It lives as long as the channel to its starter is open, so that the server
 * and its folder go away however the starter ends, also by `kill -9`. `start` gets what its starter sends first; what it
 * sends then are orders.
 */
export function hold(
  prefix: string,
  start: (request: never, life: Life) => Promise<unknown>,
): void {
  const endings: (() => Promise<void>)[] = []
  const processes: Restartable[] = []
  let starting: Promise<void> = Promise.resolve()

  async function startInFolder(request: unknown): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), prefix))
    endings.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const life: Life = {
      folder,
      onEnd: (work) => endings.push(work),
      runs: (one) => processes.push(one),
    }
    answer({ started: await start(request as never, life) })
  }

  async function obey({ place, work }: Order): Promise<void> {
    await processes[place]?.[work]()
    answer({ started: null })
  }

  async function stop(): Promise<void> {
    await starting
    for (const work of endings.toReversed()) {
      await work().catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
    }
    process.exit()
  }

  process.once('message', (request) => {
    starting = startInFolder(request).catch(answerError)
    process.on('message', (order) => {
      starting = obey(order as Order).catch(answerError)
    })
  })
  process.once('disconnect', () => void stop())
}

function answer(message: HolderAnswer<unknown>): void {
  if (process.connected) process.send?.(message)
}

function answerError(error: unknown): void {
  answer({ error: error instanceof Error ? error.message : String(error) })
}
