import type { Clock } from './clock.ts'
import type { Secret } from './secret.ts'

/** What a source answers: at least a user and a password, read from the store as one. */
export interface LoadedCredentials {
  user: string
  password: string | Secret
  /** The store's version id. Leave it out where the store has none: a keyed hash of the content serves. */
  version?: string | undefined
  /** When the store issued this version. Where given, an answer that was issued earlier is ignored. */
  issuedAt?: Date | number | undefined
  /** When it stops working. The cache refreshes well ahead of it. */
  expiresAt?: Date | number | undefined
  /**
   * The password is a token that the server looks at when somebody logs in, and never again. Another one under the same
   * version is a renewal: logins use it, and live connections stay. Without it that would be a torn pair.
   */
  checkedAtLogin?: boolean | undefined
  /** When the store will change it, if it says so. It is asked again just after. */
  changesAt?: Date | number | undefined
  /**
   * The pair before it, where the store still has it. Who has never logged in tries it while the server refuses the
   * newest, as one does that lags behind the store; it is never a reason to go back.
   */
  previous?: Omit<LoadedCredentials, 'previous'> | undefined
}

/**
 * Timings that fit a store, in milliseconds. Every one can be overridden at `createCredentials`. What is left out follows from
 * the overlap window, which is right wherever that is the user's to say: the store then has no timing of its own.
 */
export interface SourceDefaults {
  /** How long the pair before it still logs in. 0 or less where there is a gap. */
  overlap?: number
  /** Else a quarter of the window, 5 minutes at most. */
  ttl?: number
  /** A share of the TTL, 0 to 1. Else 0.1, with which 10,000 processes ask evenly, however they started: FLEET.md. */
  jitter?: number
  /** Else a twentieth of the window, 10 s at most. */
  loadDeadline?: number
  /** The bridge: how long a refused login looks for a pair that works. Else a twentieth of the window, 5 s at most. */
  loginDeadline?: number
}

/** What a load is given. */
export interface LoadContext {
  /** Aborts at the load deadline, and when the cache is closed. */
  signal: AbortSignal
  /** The cache's own; a source that looks at the time looks at it. Default: the machine's. */
  clock?: Clock
}

/** What a watch is given. */
export interface WatchContext {
  /** Aborts when the cache is closed. */
  signal: AbortSignal
  onError: (error: unknown) => void
  /** As for a load. */
  clock?: Clock
}

/**
 * Where credentials come from. `load` is asked for the newest pair, and must answer with user and password of
 * one version; `watch`, for a store that can push, calls `onChange` whenever it is worth asking again.
 *
 * @example
 * const source: Source = {
 *   name: 'my-store',
 *   load: async ({ signal }) => {
 *     const secret = await store.read('db', { signal })
 *     return { user: secret.user, password: secret.password, version: secret.id }
 *   },
 * }
 */
export interface Source {
  /** Shown in errors and diagnostics. */
  readonly name: string
  readonly defaults?: SourceDefaults
  load(context: LoadContext): LoadedCredentials | Promise<LoadedCredentials>
  /** Starts watching until `signal` aborts. A watch that breaks calls `onError`; polling goes on beside it. */
  watch?(onChange: () => void, context: WatchContext): void
}
