import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { until } from '../until.ts'
import type { Adapter } from './adapter.ts'
import { Scene, type SceneOptions } from './scene.ts'

/** Milliseconds that a caller has its connection before it asks: as good as a longer statement, and the processor is free. */
const held = 5

export interface LoadOptions extends SceneOptions {
  /** Default: 3, so that a pool of 4 has a connection to spare. */
  callers?: number
}

/** Callers that use the pool all the time, one call after the other. */
export class Load implements AsyncDisposable {
  served = 0
  readonly lost: unknown[] = []
  #going = true
  #callers: number

  constructor(scene: { whoami(): Promise<string> }, callers: number) {
    const call = async (): Promise<void> => {
      while (this.#going) {
        try {
          await scene.whoami()
          // The next one follows at once: whenever something happens, all callers are in the middle of a call.
          this.served += 1
        } catch (error) {
          this.lost.push(error)
          // Others have their turn, also where every call fails at once, and at the cost of a login.
          await sleep(100)
        }
      }
      this.#callers -= 1
    }
    this.#callers = callers
    for (let caller = 0; caller < callers; caller += 1) void call()
  }

  /** Waits until everybody has been served again, some times over. */
  async goOn(): Promise<void> {
    const { served } = this
    await until('callers to be served', () => this.served >= served + 20)
  }

  /** Over when the last call is; fails if one hangs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#going = false
    await until('the last calls to be served', () => this.#callers === 0)
  }
}

/** Has callers use a pool while something happens to it: no call is lost, none hangs, and in the end nothing is left. */
export async function runUnderLoad<Connection>(
  adapter: Adapter<Connection>,
  { callers = 3, ...options }: LoadOptions,
  body: (scene: Scene<Connection>, load: Load) => Promise<void>,
): Promise<void> {
  await using scene = await Scene.open(adapter, options)
  await scene.fill(options.max ?? 4)
  const lost: unknown[] = []
  {
    await using load = new Load({ whoami: () => scene.whoami(held) }, callers)
    await body(scene, load)
    await load.goOn()
    lost.push(...load.lost)
  }
  expect(lost).toEqual([])
  await scene.pool.end()
  await scene.credentials.close()
  expect(scene.clock.pending).toBe(0)
  await until('the sockets to close', () => scene.proxy.open === 0)
  await until('the sessions to end', async () => (await scene.place.sessions()).length === 0)
}

/** Waits until every connection has gone over to the account that is published. */
export async function goneOver<Connection>(scene: Scene<Connection>): Promise<void> {
  await scene.drained()
  await until('the old sessions to end', async () => {
    const sessions = await scene.place.sessions()
    return sessions.every(({ user }) => user === scene.account.user)
  })
}
