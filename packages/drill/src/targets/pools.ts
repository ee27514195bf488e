import { setTimeout as sleep } from 'node:timers/promises'
import {
  createCredentials,
  fromFunction,
  type CredentialsCache,
  type GenerationCounts,
} from '@rekey/core'
import { describeGenerations, sessionsByVersion } from './generations.ts'
import type { Login, PoolOptions, PoolUnderDrill, StockRecipe, Timings, Units } from './target.ts'

/** What every pool of ours can be asked, beside what its driver's own can. */
interface Rotating {
  readonly generations: readonly GenerationCounts[]
  drained(): Promise<void>
}

/** A driver's own pool and ours, as a service would use the two. */
export interface DriverPools<Pool> {
  openStock(login: Login, options: PoolOptions): Pool
  openRekey(credentials: CredentialsCache, options: PoolOptions): Pool & Rotating
  /** Sets the login for connections that the driver's own pool opens from now on. */
  mutate(pool: Pool, login: Login): void
  /** The units of work on a pool that may be another one at each call. */
  units(pool: () => Pool): Units
  /** Connections and waiting callers, in one line. */
  describe(pool: Pool): string
  end(pool: Pool): Promise<void>
}

/** For how long the old credentials still log in, as rekey is told: longer than any rotation of a drill takes. */
export const overlap = 60_000

/** rekey's pool. */
export function rekeyPool<Pool>(driver: DriverPools<Pool>, options: PoolOptions): PoolUnderDrill {
  const { spread = options.spread, ...timings }: Timings = options.timings ?? {}
  const source = fromFunction(options.load, { name: 'drill' })
  const credentials = createCredentials(source, { overlap, ...timings })
  const pool = driver.openRekey(credentials, { ...options, spread })
  return {
    units: driver.units(() => pool),
    async rotate({ urgent = false } = {}) {
      const changed = nextChange(credentials)
      // Where the store fails the cache asks again by itself.
      await credentials.refresh({ urgent }).catch(() => changed)
      await pool.drained()
    },
    state: () => `${describeGenerations(pool.generations)}; ${driver.describe(pool)}`,
    versions: () => sessionsByVersion(pool.generations),
    async end() {
      await driver.end(pool)
      await credentials.close()
    },
  }
}

/** Resolves when the cache has taken up another version than it has now. */
export function nextChange(credentials: CredentialsCache): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = credentials.subscribe(() => {
      unsubscribe()
      resolve()
    })
  })
}

/** How long people wait for an answer of the store, and until they ask again, in milliseconds. */
const askFor = 300
const askAgain = 100

/** The driver's own pool. */
export function stockPool<Pool>(
  driver: DriverPools<Pool>,
  options: PoolOptions,
  recipe: StockRecipe,
): PoolUnderDrill {
  let pool = driver.openStock(options.login, options)
  let ended = false

  async function ask(): Promise<Login> {
    for (;;) {
      try {
        return await options.load({ signal: AbortSignal.timeout(askFor) })
      } catch (error) {
        if (ended) throw error
        await sleep(askAgain)
      }
    }
  }

  const recipes: Record<StockRecipe, () => Promise<void>> = {
    async 'end-and-new'() {
      const login = await ask()
      const old = pool
      pool = driver.openStock(login, options)
      await driver.end(old)
    },
    async 'mutate-options'() {
      driver.mutate(pool, await ask())
      // The pool never says when it is done: people wait for as long as a rotation may take.
      await sleep(2 * options.spread)
    },
  }
  return {
    units: driver.units(() => pool),
    rotate: () => recipes[recipe](),
    state: () => driver.describe(pool),
    end() {
      ended = true
      return driver.end(pool)
    },
  }
}
