import type { EventEmitter } from 'node:events'

/** What the driver's types leave out of a connection that a pool has opened. */
interface Opened {
  readonly threadId: number
  readonly stream: EventEmitter
}

/**
 * The sessions of which the server has closed its side of the socket. In its list one may stand for some milliseconds
 * longer; a pool that has opened the next one by then is not over its ceiling.
 */
export class EndedSessions {
  readonly #ids = new Set<number>()

  watch(connection: object): void {
    const { threadId, stream } = connection as Opened
    stream.once('end', () => this.#ids.add(threadId))
  }

  has(id: number): boolean {
    return this.#ids.has(id)
  }
}
