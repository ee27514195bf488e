import { Pool } from '@rekey/pg'
import pg from 'pg'
import type { DriverPools } from '../pools.ts'
import { postgresUnits } from './units.ts'

/** Where the database is, and the schema that the drill works in. */
export interface Place {
  readonly connection: { host: string; port: number; database: string; ssl?: pg.PoolConfig['ssl'] }
  readonly schema: string
}

export function postgresPools({ connection, schema }: Place): DriverPools<pg.Pool> {
  return {
    openStock({ user, password }, { max, onLogin, onError }) {
      const pool = new pg.Pool({ ...connection, max, user, password })
      return pool.on('connect', onLogin).on('error', onError)
    },
    openRekey(credentials, { max, spread, onLogin, onError }) {
      const pool = new Pool({ ...connection, max, credentials, rotation: { spread } })
      return pool.on('connect', onLogin).on('error', onError)
    },
    mutate: (pool, { user, password }) => void Object.assign(pool.options, { user, password }),
    units: (pool) => postgresUnits(pool, schema),
    describe: ({ totalCount, idleCount, waitingCount }) =>
      `${totalCount} open, ${idleCount} idle, ${waitingCount} waiting`,
    end: (pool) => pool.end(),
  }
}

const goodbye = Buffer.from([0x58, 0, 0, 0, 4])

/** Terminate, which is the last message of a client. */
export function isGoodbye(chunk: Uint8Array): boolean {
  return goodbye.equals(chunk.subarray(-goodbye.length))
}
