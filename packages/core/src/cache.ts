import type { CacheTimings } from './budget.ts'
import type { Clock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { RekeyError } from './errors.ts'
import { invalid, kindOf } from './options.ts'
import { refreshingCache } from './refreshing-cache.ts'
import type { Random } from './schedule.ts'
import type { Source } from './source.ts'

/** Options of {@link createCredentials}. Durations in milliseconds; a source's own defaults stand in for what is left out. */
export interface CredentialsOptions {
  /**
   * How long the previous credentials still log in after new ones are published. Required unless the source
   * knows its store's; nothing guesses it. 0 or less where the old ones stop at once or before.
   */
  overlap?: number
  /** How long a loaded pair counts as fresh. Default: a quarter of the overlap, at most 5 minutes. */
  ttl?: number
  /** Each refresh comes early by up to this share of the TTL, so that a fleet spreads out. Default: 0.1. */
  jitter?: number
  /** How long one load may take. Default: a twentieth of the overlap, at most 10 seconds. */
  loadDeadline?: number
  /** How long a refused login is bridged before its caller sees the refusal. Default: a twentieth of the overlap, at most 5 seconds. */
  loginDeadline?: number
  /** For tests. */
  clock?: Clock
  /** For tests. */
  random?: Random
}

/** What subscribers learn when a new version is taken up. */
export interface Change {
  readonly credentials: Credentials
  readonly previous: Credentials | undefined
  /** Replace connections as fast as the ceiling allows, for example because the old credentials leaked. */
  readonly urgent: boolean
  /** The store has told of it, and so everybody at one moment: a fleet's pools prove it one after the other. */
  readonly pushed: boolean
}

/** The refreshing cache. One serves any number of pools. */
export interface CredentialsCache extends AsyncDisposable {
  /** The last good snapshot, read synchronously; `undefined` before the first load. */
  readonly current: Credentials | undefined
  readonly timings: CacheTimings
  readonly clock: Clock
  readonly random: Random
  /** The source's name. */
  readonly source: string
  /** The snapshot if it is fresh by both clocks. */
  fresh(): Credentials | undefined
  /**
   * The snapshot, loaded first where there is none or it is no longer fresh. Where the store fails, or is still being
   * asked in good time, the last good one. Rejects only if there never was one.
   */
  get(): Promise<Credentials>
  /**
   * Asks the store now. Resolves with what is current afterwards; rejects if the load failed (the last good
   * snapshot keeps serving all the same). `urgent` makes pools replace their connections at once.
   */
  refresh(options?: { urgent?: boolean }): Promise<Credentials>
  /**
   * Says that a login with this version was refused: the store is asked again, in single flight and not more than
   * about once a second. Does nothing when the version is no longer the current one.
   */
  invalidate(version: string): void
  /** Calls `listener` on every change until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void
  /** Stops timers and watchers. What is current stays readable; `get` and `refresh` reject. */
  close(): Promise<void>
}

/**
 * Makes the refreshing cache that pools take their credentials from. It loads at first use, refreshes ahead of its
 * TTL, keeps the last good pair while the store fails, and never keeps the process alive.
 *
 * @throws {RekeyError} `ERR_REKEY_BUDGET` if the timings do not fit into the overlap window, with the sum term by
 * term; `ERR_REKEY_OPTION` for a value that is not allowed.
 *
 * @example
 * const credentials = createCredentials(fromFile('/etc/db/credentials.json'), { overlap: 60 * 60 * 1000 })
 * const pool = new Pool({ host, database, credentials })
 */
export function createCredentials(
  source: Source,
  options: CredentialsOptions = {},
): CredentialsCache {
  if (typeof source?.load !== 'function') {
    throw new RekeyError(
      'ERR_REKEY_OPTION',
      'source must be a source with a load function, for example fromFunction(load).',
      { option: 'source', given: kindOf(source), allowed: 'a Source' },
    )
  }
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', options, 'an object with overlap')
  }
  return refreshingCache(source, options)
}
