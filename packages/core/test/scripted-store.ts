import { onTestFinished } from 'vitest'
import {
  createCredentials,
  type CredentialsCache,
  type CredentialsOptions,
  type LoadedCredentials,
  type Source,
} from '../src/index.ts'
import { settled, VirtualClock } from './virtual-clock.ts'

/** One question to the store. A test answers it, or does not. */
export interface Question {
  readonly signal: AbortSignal
  answer(answer: unknown): void
  fail(error: unknown): void
}

/** A store that answers with {@link answer}, fails with {@link failure}, or leaves each question to the test. */
export class ScriptedStore {
  readonly questions: Question[] = []
  answer: unknown = { user: 'app', password: 'pw-v1', version: 'v1' }
  failure: unknown
  /** While true a question stays open until the test answers it. */
  silent = false
  /** What a store that can push would call. */
  push: (() => void) | undefined
  watched: { signal: AbortSignal; onError: (error: unknown) => void } | undefined

  publish(version: string | undefined, more: Partial<LoadedCredentials> = {}): void {
    this.answer = { user: 'app', password: `pw-${version}`, version, ...more }
  }

  get asked(): number {
    return this.questions.length
  }

  get last(): Question {
    const last = this.questions.at(-1)
    if (last === undefined) throw new Error('the store was never asked')
    return last
  }

  get source(): Source {
    return {
      name: 'scripted store',
      load: ({ signal }) => {
        const { promise, resolve, reject } = Promise.withResolvers<LoadedCredentials>()
        const question: Question = {
          signal,
          answer: (answer) => resolve(answer as LoadedCredentials),
          fail: reject,
        }
        this.questions.push(question)
        if (!this.silent && this.failure === undefined) question.answer(this.answer)
        if (!this.silent && this.failure !== undefined) question.fail(this.failure)
        return promise
      },
      watch: (onChange, context) => {
        this.push = onChange
        this.watched = context
      },
    }
  }
}

export interface Scene {
  store: ScriptedStore
  clock: VirtualClock
  cache: CredentialsCache
}

/** An overlap of 20 minutes: a TTL of 5 minutes, and 10 and 5 seconds for a load and a login. */
export const overlap = 20 * 60_000
export const ttl = 5 * 60_000

/** A cache on a store and a clock that the test moves. No jitter, unless a test asks for it. Closed when the test ends. */
export function scene(options: CredentialsOptions = {}): Scene {
  const store = new ScriptedStore()
  const clock = new VirtualClock()
  const cache = createCredentials(store.source, {
    overlap,
    jitter: 0,
    random: () => 0.5,
    clock,
    ...options,
  })
  onTestFinished(() => cache.close())
  return { store, clock, cache }
}

/** The same, with version v1 loaded. */
export async function loadedScene(options: CredentialsOptions = {}): Promise<Scene> {
  const made = scene(options)
  await made.cache.get()
  await settled()
  return made
}
