import { fromFunction, type LoadedCredentials, type Source } from '@rekey/core'

/** A store that answers what the test has published, until it is told to fail or to hang. */
export class Store {
  /** How often it was asked. */
  loads = 0
  mood: 'answers' | 'fails' | 'hangs' = 'answers'
  #published: LoadedCredentials | undefined
  #version = 0

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
    this.#version += 1
    const version = String(this.#version)
    this.#published = { ...pair, version }
    return version
  }

  #answer(): LoadedCredentials {
    if (this.#published === undefined) throw new Error('Nothing is published')
    return this.#published
  }
}
