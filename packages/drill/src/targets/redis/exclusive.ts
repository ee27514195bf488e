/** Clients that are lent to one borrower at a time; who finds none waits for its turn. */
export class Exclusive<Client> {
  readonly #free: Client[]
  readonly #waiting: ((client: Client) => void)[] = []

  constructor(clients: readonly Client[]) {
    this.#free = [...clients]
  }

  async use<Result>(work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = this.#free.shift() ?? (await this.#turn())
    try {
      return await work(client)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(client)
      else next(client)
    }
  }

  get counts(): { free: number; waiting: number } {
    return { free: this.#free.length, waiting: this.#waiting.length }
  }

  #turn(): Promise<Client> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
