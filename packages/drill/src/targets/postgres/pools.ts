import { createCredentials, fromFunction } from '@rekey/core'
import { Pool } from '@rekey/pg'
import pg from 'pg'
import { describeGenerations } from '../generations.ts'
import type { PoolOptions, PoolUnderDrill } from '../target.ts'
import { postgresUnits } from './units.ts'

/** Where the database is, and the schema that the drill works in. */
export interface Place {
  readonly connection: { host: string; port: number; database: string; ssl?: pg.PoolConfig['ssl'] }
  readonly schema: string
}

/** What services do today with the driver's own pool when the credentials change. */
export type StockRecipe =
  /** End the pool, make a new one. */
  | 'end-and-new'
  /** Set the new pair in `pool.options`, for connections that are opened from then on. */
  | 'mutate-options'

/** rekey's pool, as a service would use it. */
export function rekeyPool(place: Place, options: PoolOptions): PoolUnderDrill {
  const credentials = createCredentials(fromFunction(options.load, { name: 'drill' }), {
    overlap: 60_000,
  })
  const pool = new Pool({
    ...place.connection,
    max: options.max,
    credentials,
    rotation: { spread: options.spread },
  })
  pool.on('error', options.onError)
  return {
    units: postgresUnits(() => pool, place.schema),
    async rotate() {
      await credentials.refresh()
      await pool.drained()
    },
    state: () => `${describeGenerations(pool.generations)}; ${pool.waitingCount} waiting`,
    async end() {
      await pool.end()
      await credentials.close()
    },
  }
}

/** The driver's own pool. */
export function stockPool(place: Place, options: PoolOptions, recipe: StockRecipe): PoolUnderDrill {
  let pool = open()

  function open(): pg.Pool {
    const { user, password } = options.load()
    const opened = new pg.Pool({ ...place.connection, max: options.max, user, password })
    opened.on('error', options.onError)
    return opened
  }

  const recipes: Record<StockRecipe, () => Promise<void>> = {
    async 'end-and-new'() {
      const old = pool
      pool = open()
      await old.end()
    },
    async 'mutate-options'() {
      const { user, password } = options.load()
      Object.assign(pool.options, { user, password })
      // The pool never says when it is done: people wait for as long as a rotation may take.
      await new Promise((resolve) => setTimeout(resolve, 2 * options.spread))
    },
  }

  return {
    units: postgresUnits(() => pool, place.schema),
    rotate: recipes[recipe],
    state: () => `${pool.totalCount} open, ${pool.idleCount} idle, ${pool.waitingCount} waiting`,
    end: () => pool.end(),
  }
}
