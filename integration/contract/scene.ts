import { setTimeout as sleep } from 'node:timers/promises'
import type { GenerationCounts, RotationOptions } from '@rekey/core'
import { inTime, until } from '../until.ts'
import type { Adapter, Pool, PoolOptions } from './adapter.ts'
import { setUp, Stage, type Parts } from './stage.ts'

export interface SceneOptions {
  /** Default: 4. */
  max?: number
  /** Default: without a pause between replacements. */
  rotation?: RotationOptions
  /** Sessions that the server allows. Default: `max`. */
  sessions?: number
}

/** One pool on a stage, and all that a test of the contract does with it. */
export class Scene<Connection> extends Stage {
  readonly pool: Pool<Connection>
  readonly #adapter: Adapter<Connection>
  readonly #borrowed = new Set<Connection>()

  private constructor(parts: Parts, adapter: Adapter<Connection>, options: PoolOptions) {
    super(parts)
    this.#adapter = adapter
    this.pool = adapter.openPool(this.address, this.credentials, options)
  }

  static async open<Connection>(
    adapter: Adapter<Connection>,
    { max = 4, sessions = max, rotation }: SceneOptions = {},
  ): Promise<Scene<Connection>> {
    const parts = await setUp(adapter, sessions)
    return new Scene(parts, adapter, { max, rotation: { spread: 0, ...rotation } })
  }

  async borrow(): Promise<Connection> {
    const connection = await this.pool.borrow()
    this.#borrowed.add(connection)
    return connection
  }

  borrowMany(count: number): Promise<Connection[]> {
    return Promise.all(Array.from({ length: count }, () => this.borrow()))
  }

  release(...connections: Connection[]): void {
    for (const connection of connections) {
      this.#borrowed.delete(connection)
      this.pool.release(connection)
    }
  }

  discard(connection: Connection): void {
    this.#borrowed.delete(connection)
    this.pool.discard(connection)
  }

  /** Opens this many connections and leaves them idle. */
  async fill(count: number): Promise<void> {
    this.release(...(await this.borrowMany(count)))
  }

  /** One short use of the pool: the user that it was served as. The connection is held for so many milliseconds first. */
  async whoami(held = 0): Promise<string> {
    const connection = await this.borrow()
    try {
      if (held > 0) await sleep(held)
      return await this.#adapter.userOf(connection)
    } finally {
      this.release(connection)
    }
  }

  /** Open connections by version, the oldest first. */
  get counts(): Record<string, number> {
    const entries = this.pool.generations.map(({ version, idle, lent }) => [version, idle + lent])
    return Object.fromEntries(entries) as Record<string, number>
  }

  /** Connections of other versions, in whatever state. */
  olderThan(version: string): number {
    return sumOf(this.pool.generations.filter((generation) => generation.version !== version))
  }

  /** Connections of the newest version, in whatever state. */
  get newest(): number {
    return sumOf(this.pool.generations.slice(-1))
  }

  /** Whether no connection is on its way in or out. */
  get #resting(): boolean {
    return areAtRest(this.pool.generations)
  }

  /** In the server's list a session may stand a moment longer than its socket. */
  async untilNoSession(user: string): Promise<void> {
    const isOver = async (): Promise<boolean> => (await this.place.sessions(user)).length === 0
    await until(`no session of ${user}`, isOver)
  }

  /** Waits until a connection of this version is open. */
  async untilOpen(version: string): Promise<void> {
    await until(`a connection of version ${version}`, () => (this.counts[version] ?? 0) > 0)
  }

  /** Waits until the open connections are these, and none is on its way in or out. */
  async untilCounts(counts: Record<string, number>): Promise<void> {
    const wanted = JSON.stringify(counts)
    try {
      await until(
        `connections ${wanted}`,
        () => this.#resting && JSON.stringify(this.counts) === wanted,
      )
    } catch (error) {
      const generations = JSON.stringify(this.pool.generations)
      throw new Error(`The connections are ${generations}.`, { cause: error })
    }
  }

  /** Lets time pass, and the sockets keep up with it: a dial that takes real time does not run into its deadline. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.clock.now() + milliseconds
    while (this.clock.now() < end) {
      const next = Math.min(this.clock.nextAt ?? end, end)
      await this.clock.advance(next - this.clock.now())
      await until('connections at rest', () => this.#resting)
    }
  }

  /** Waits until the pool says that all of its older generations are drained. */
  async drained(): Promise<void> {
    await inTime('the older generations to drain', this.pool.drained())
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.proxy.resume()
      for (const connection of this.#borrowed) this.discard(connection)
      await inTime('the pool to end', this.pool.end())
    } finally {
      // Also where the pool does not end: its sessions do.
      await super[Symbol.asyncDispose]()
    }
  }
}

/** Whether nothing is on its way in or out, which takes real time: deadlines of a clock that leaps meanwhile would cut it off. */
export function areAtRest(generations: readonly GenerationCounts[]): boolean {
  return generations.every(({ connecting, closing }) => connecting + closing === 0)
}

function sumOf(generations: readonly GenerationCounts[]): number {
  return generations.reduce(
    (sum, { connecting, idle, lent, closing }) => sum + connecting + idle + lent + closing,
    0,
  )
}
