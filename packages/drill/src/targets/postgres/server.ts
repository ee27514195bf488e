import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { extname } from 'node:path'
import { DrillError } from '../../error.ts'
import type { ServerAnswer, ServerRequest } from './server-process.ts'

/** A server of our own on 127.0.0.1. */
export interface EmbeddedServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly stop: () => Promise<void>
}

/** Starts the embedded PostgreSQL in a process of its own; it is gone when `stop` resolves, or when this process is. */
export async function startEmbeddedServer(
  maxConnections: number,
  signal: AbortSignal,
): Promise<EmbeddedServer> {
  signal.throwIfAborted()
  const request: ServerRequest = {
    user: 'postgres',
    password: randomBytes(18).toString('base64url'),
    maxConnections,
  }
  // Built, it is a .js file beside this one.
  const program = new URL(`server-process${extname(import.meta.url)}`, import.meta.url)
  // A group of its own: a Ctrl-C in the terminal reaches the drill, which then stops the server in order.
  const holder = fork(program, {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const ended = once(holder, 'exit')
  const stop = async (): Promise<void> => {
    if (holder.connected) holder.disconnect()
    await ended
  }
  try {
    holder.send(request)
    const { port } = await answerOf(holder, signal)
    return { host: '127.0.0.1', port, user: request.user, password: request.password, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function answerOf(holder: ChildProcess, signal: AbortSignal): Promise<{ port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerAnswer>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort)
  holder.once('message', (message) => resolve(message as ServerAnswer))
  holder.once('error', reject)
  holder.once('exit', () => resolve({ error: 'its process ended' }))
  try {
    const answer = await promise
    if ('port' in answer) return answer
    throw new DrillError(
      `The embedded PostgreSQL could not be started: ${answer.error}\n` +
        'Use a server of your own instead: --url postgres://admin@host/database',
    )
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
