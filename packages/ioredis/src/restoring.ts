import type { CommandInternals, RedisInternals } from './driver.ts'

/**
 * What the driver sends by itself when a client is back: its database, and what it had subscribed to. Nobody waits for
 * the answers, so that up to ioredis 6.0.0 one that fails ends the process: where the user who has logged in meanwhile may
 * do less, or where the client is ended at that moment. Here it is an error of the client, as in the driver's handshake.
 */
export class Restoring {
  readonly #redis: RedisInternals
  /** What the client was given to send before: others wait for that. */
  readonly #known = new WeakSet<CommandInternals>()
  #isOn = false

  constructor(redis: RedisInternals) {
    this.#redis = redis
  }

  /** The client is back. All that the driver sends then it sends in one go. */
  begins(): void {
    this.#isOn = true
    queueMicrotask(() => (this.#isOn = false))
  }

  sends(command: CommandInternals): void {
    if (!restored.has(command.name) || this.#known.has(command)) return
    this.#known.add(command)
    if (!this.#isOn) return
    command.promise.catch((error: unknown) => this.#redis.silentEmit('error', error))
  }
}

const restored: ReadonlySet<string> = new Set(['select', 'subscribe', 'psubscribe', 'ssubscribe'])
