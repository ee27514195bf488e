import { Pool } from '@rekey/pg'
import type pg from 'pg'
import type { Adapter, Pool as AdaptedPool } from '../contract/adapter.ts'
import { holds } from './holds.ts'
import { postgres, userOf } from './stage.ts'

/** What the contract does with a pool, in the driver's words. */
function adapt(pool: InstanceType<typeof Pool>): AdaptedPool<pg.PoolClient> {
  pool.on('error', () => {})
  return {
    borrow: () => pool.connect(),
    release: (client) => client.release(),
    discard: (client) => client.release(true),
    get generations() {
      return pool.generations
    },
    drained: () => pool.drained(),
    onDrained: (listener) => void pool.on('drained' as 'release', listener as never),
    // The driver refuses a second end.
    end: () => (pool.ending ? Promise.resolve() : pool.end()),
  }
}

export const adapter: Adapter<pg.PoolClient> = {
  name: 'pg',
  endedMessage: 'Cannot use a pool after calling end',
  ...postgres,
  openPool: (at, credentials, options) =>
    adapt(new Pool({ ...at, ...options, credentials, idleTimeoutMillis: 0 })),
  userOf,
  sessionOf: (client) => (client as unknown as { processID: number }).processID,
  counter: {
    make: async (client) => void (await client.query('CREATE SEQUENCE counter')),
    countSlowly: async (client) =>
      void (await client.query(`SELECT nextval('counter'), pg_sleep(30)`)),
    async read(client) {
      const { rows } = await client.query<{ counted: number }>(
        'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS counted FROM counter',
      )
      return rows[0]?.counted ?? 0
    },
  },
  holds,
}
