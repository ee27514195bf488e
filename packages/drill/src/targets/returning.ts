/** A connection to a server that may be taken away and brought back. */
export class Returning<Connection> {
  readonly #connect: () => Promise<Connection>
  #connection: Connection
  /** Resolves when the server is there. */
  #back: Promise<void> = Promise.resolve()

  private constructor(connect: () => Promise<Connection>, connection: Connection) {
    this.#connect = connect
    this.#connection = connection
  }

  /** Rejects as `connect` does. */
  static async by<Connection>(connect: () => Promise<Connection>): Promise<Returning<Connection>> {
    return new Returning(connect, await connect())
  }

  /** The one to the server as it is now. */
  get current(): Connection {
    return this.#connection
  }

  /** Has somebody ask who changes nothing: while the server is away that waits, and what it was asked then is asked again. */
  async ask<Answer>(question: (connection: Connection) => Promise<Answer>): Promise<Answer> {
    const back = this.#back
    await back
    try {
      return await question(this.#connection)
    } catch (error) {
      if (back === this.#back) throw error
      return this.ask(question)
    }
  }

  /** This work takes the server away and back; then there is another connection. */
  async whileAway(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // There may be nobody who asks.
    promise.catch(() => {})
    this.#back = promise
    try {
      await work()
      this.#connection = await this.#connect()
      resolve()
    } catch (error) {
      reject(error)
      throw error
    }
  }
}
