import type { RotatingPool } from '@rekey/ioredis/pool'

/** Lends each of its clients to one borrower at a time; who finds none waits for its turn. */
export interface Lender<Client> {
  use<Result>(work: (client: Client) => Promise<Result>): Promise<Result>
  readonly counts: { readonly free: number; readonly waiting: number }
}

/** Of our pool. `onLogin`: called for each client that is lent for the first time: the pool does not tell what it opens. */
export function lentBy<Client extends object>(
  pool: RotatingPool<Client>,
  onLogin: () => void,
): Lender<Client> {
  const known = new WeakSet<Client>()
  return {
    use: (work) =>
      pool.use((client) => {
        if (!known.has(client)) onLogin()
        known.add(client)
        return work(client)
      }),
    get counts() {
      return { free: pool.available, waiting: pool.pending }
    },
  }
}

/** Of clients that live on, whatever becomes of their connections. */
export class Exclusive<Client> implements Lender<Client> {
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
