import {
  createCredentials,
  fromFunction,
  type CredentialsCache,
  type GenerationCounts,
} from '@rekey/core'
import { describeGenerations } from './generations.ts'
import type { Login, PoolOptions, PoolUnderDrill, Units } from './target.ts'

/** What services do today with the driver's own pool when the credentials change. */
export type StockRecipe =
  /** End the pool, make a new one. */
  | 'end-and-new'
  /** Set the new pair in the pool's options, for connections that are opened from then on. */
  | 'mutate-options'

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

/** rekey's pool. */
export function rekeyPool<Pool>(driver: DriverPools<Pool>, options: PoolOptions): PoolUnderDrill {
  const source = fromFunction(options.load, { name: 'drill' })
  const credentials = createCredentials(source, { overlap: 60_000 })
  const pool = driver.openRekey(credentials, options)
  return {
    units: driver.units(() => pool),
    async rotate() {
      await credentials.refresh()
      await pool.drained()
    },
    state: () => `${describeGenerations(pool.generations)}; ${driver.describe(pool)}`,
    async end() {
      await driver.end(pool)
      await credentials.close()
    },
  }
}

/** The driver's own pool. */
export function stockPool<Pool>(
  driver: DriverPools<Pool>,
  options: PoolOptions,
  recipe: StockRecipe,
): PoolUnderDrill {
  let pool = driver.openStock(options.load(), options)
  const recipes: Record<StockRecipe, () => Promise<void>> = {
    async 'end-and-new'() {
      const old = pool
      pool = driver.openStock(options.load(), options)
      await driver.end(old)
    },
    async 'mutate-options'() {
      driver.mutate(pool, options.load())
      // The pool never says when it is done: people wait for as long as a rotation may take.
      await new Promise((resolve) => setTimeout(resolve, 2 * options.spread))
    },
  }
  return {
    units: driver.units(() => pool),
    rotate: recipes[recipe],
    state: () => driver.describe(pool),
    end: () => driver.end(pool),
  }
}
