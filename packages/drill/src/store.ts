import { once } from 'node:events'
import type { Login } from './targets/target.ts'

/** The store of a drill: it hands out what was published last, unless it is made to fail. */
export class Store {
  #login: Login
  #state: 'answers' | 'fails' | 'hangs' = 'answers'

  constructor(login: Login) {
    this.#login = login
  }

  /** What it holds, whether or not it can be asked. */
  get login(): Login {
    return this.#login
  }

  publish(login: Login): void {
    this.#login = login
  }

  /** From now on who asks is refused. */
  fail(): void {
    this.#state = 'fails'
  }

  /** From now on who asks gets no answer, and has to lose patience. */
  hang(): void {
    this.#state = 'hangs'
  }

  /** From now on it answers again. Who got none is still waiting for one. */
  answer(): void {
    this.#state = 'answers'
  }

  async load({ signal }: { signal: AbortSignal }): Promise<Login> {
    if (this.#state === 'fails') throw new Error('The store is down.')
    if (this.#state === 'hangs') {
      if (!signal.aborted) await once(signal, 'abort')
      throw signal.reason
    }
    return this.#login
  }
}
