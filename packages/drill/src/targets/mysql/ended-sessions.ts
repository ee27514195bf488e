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
  #ids = new Set<number>()

  watch(connection: object): void {
    const { threadId, stream } = connection as Opened
    const ids = this.#ids
    stream.once('end', () => ids.add(threadId))
  }

  /** The server is started anew, and gives the same ids to others. */
  forget(): void {
    this.#ids = new Set()
  }

  /** Has the list asked for, and leaves those sessions out. */
  async leftOutOf<Session extends { id: number }>(
    ask: () => Promise<readonly Session[]>,
  ): Promise<Session[]> {
    const ids = this.#ids
    const before = [...ids]
    const list = await ask()
    const open = list.filter(({ id }) => !ids.has(id))
    // One that had ended before the question and is not in the answer does not come back.
    const listed = new Set(list.map(({ id }) => id))
    for (const id of before) if (!listed.has(id)) ids.delete(id)
    return open
  }
}
