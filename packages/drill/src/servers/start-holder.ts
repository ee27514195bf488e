import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { HolderAnswer, Order } from './hold.ts'

/** A server and the process that holds it. */
export interface Held<Started> {
  readonly started: Started
  /** Resolves when it is done. @throws if it cannot be. */
  readonly tell: (order: Order) => Promise<void>
  /** Resolves when server, process and folder are gone. */
  readonly stop: () => Promise<void>
}

/** Has a program that calls `hold` start a server. @throws if that fails, or with the signal's reason if it aborts. */
export async function startHolder<Started>(
  program: URL,
  request: object,
  signal?: AbortSignal,
): Promise<Held<Started>> {
  signal?.throwIfAborted()
  const holder = fork(program, {
    // A group of its own: a Ctrl-C in the terminal is for the starter, which then stops the server in order.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(holder, 'exit')
  const stop = async (): Promise<void> => {
    if (holder.connected) holder.disconnect()
    await ended
  }
  try {
    holder.send(request)
    const started = await answerOf<Started>(holder, signal)
    return {
      started,
      async tell(order) {
        holder.send(order)
        await answerOf<null>(holder)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function answerOf<Started>(holder: ChildProcess, signal?: AbortSignal): Promise<Started> {
  const { promise, resolve, reject } = Promise.withResolvers<HolderAnswer<Started>>()
  const onAbort = (): void => reject(signal?.reason as Error)
  signal?.addEventListener('abort', onAbort)
  const onMessage = (message: unknown): void => resolve(message as HolderAnswer<Started>)
  const onExit = (): void => resolve({ error: 'its process ended' })
  holder.once('message', onMessage).once('error', reject).once('exit', onExit)
  try {
    const answer = await promise
    if ('started' in answer) return answer.started
    throw new Error(answer.error)
  } finally {
    // It may be asked again, as often as there are rotations.
    holder.off('message', onMessage).off('error', reject).off('exit', onExit)
    signal?.removeEventListener('abort', onAbort)
  }
}
