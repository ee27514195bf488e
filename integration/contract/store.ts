import { fromFunction, type LoadedCredentials, type Source } from '@rekey/core'

/** A store that answers what the test has published, until it is told to fail or to hang. */
export class Store {
  /** How often it was asked. */
  loads = 0
  mood: 'answers' | 'fails' | 'hangs' = 'answers'
  /** How many versions behind its answers are, as those of a lagging replica. */
  lag = 0
  readonly #published: LoadedCredentials[] = []

  readonly source: Source = fromFunction(
    ({ signal }) => {
      this.loads += 1
      if (this.mood === 'fails') throw new Error('The store is down')
      if (this.mood === 'answers') return this.#answer()
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    },
    { name: 'test store' },
  )

  /** Publishes a pair under the next version, which it gives back. */
  publish(pair: { user: string; password: string }): string {
    const version = String(this.#published.length + 1)
    this.#published.push({ ...pair, version })
    return version
  }

  #answer(): LoadedCredentials {
    const answer = this.#published.at(-1 - this.lag)
    if (answer === undefined) throw new Error('Nothing is published')
    return answer
  }
}
