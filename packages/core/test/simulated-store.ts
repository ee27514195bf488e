import type { LoadedCredentials, Source } from '../src/index.ts'
import type { Pair } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** How a store tells its versions apart. */
export type VersionKind = 'number' | 'name' | 'issued' | 'content'

export type StoreMood = 'well' | 'slow' | 'down' | 'silent' | 'rubbish' | 'lagging'

/** A secret store: publishes pairs in order, pushes if asked to, and has its moods. */
export class SimulatedStore {
  readonly published: Pair[] = []
  mood: StoreMood = 'well'
  /** How long an answer takes. */
  answerTime = 1
  readonly clock: VirtualClock
  readonly kind: VersionKind
  #onChange: (() => void) | undefined

  constructor(clock: VirtualClock, kind: VersionKind) {
    this.clock = clock
    this.kind = kind
  }

  get newest(): Pair {
    return this.published.at(-1) as Pair
  }

  publish(pair: Pair): void {
    this.published.push(pair)
  }

  /** Tells the watchers that it is worth asking. */
  push(): void {
    this.#onChange?.()
  }

  get source(): Source {
    return {
      name: 'simulated store',
      load: ({ signal }) => this.#load(signal),
      watch: (onChange, { signal }) => {
        this.#onChange = onChange
        signal.addEventListener('abort', () => (this.#onChange = undefined))
      },
    }
  }

  #load(signal: AbortSignal): Promise<LoadedCredentials> {
    const { mood } = this
    if (mood === 'silent') return new Promise(() => {})
    if (mood === 'down') throw new Error('the store is down')
    if (mood === 'rubbish') return Promise.resolve({ user: 'half a pair' } as LoadedCredentials)
    const last = this.published.length - 1
    const index = mood === 'lagging' ? Math.max(0, last - 1) : last
    const answer = this.#describe(index)
    return new Promise((resolve) => {
      const takes = mood === 'slow' ? 1_500 : this.answerTime
      const timer = this.clock.after(takes, () => resolve(answer))
      signal.addEventListener('abort', () => timer.cancel())
    })
  }

  #describe(index: number): LoadedCredentials {
    const { user, password } = this.published[index] as Pair
    const pair = { user, password }
    if (this.kind === 'content') return pair
    if (this.kind === 'number') return { ...pair, version: String(index) }
    if (this.kind === 'name') return { ...pair, version: `name-${index}` }
    return { ...pair, version: `issue-${index}`, issuedAt: index + 1 }
  }
}
