import { Pool } from '@rekey/pg'
import pg from 'pg'
import { postgres } from '../pg/stage.ts'
import type { Opening, Service } from './library.ts'
import { rotatesOn, type Rotates, type Ways } from './rotates.ts'
import { postgresSchema } from './schema.ts'

/** Proves one library on PostgreSQL. */
export const rotatesOnPostgres: Rotates = rotatesOn(postgres, postgresSchema)

/** The two ways of a library that takes a pool. */
export function withPool(serviceOn: (pool: pg.Pool) => Service): Ways {
  return {
    rekey({ server, credentials }) {
      const pool = new Pool({ ...server, credentials, rotation: { spread: 0 } })
      pool.on('error', () => {})
      return { ...serviceOn(pool), drained: () => pool.drained() }
    },
    plain: (opening) => serviceOn(plainPool(opening)),
  }
}

function plainPool({ server, account }: Opening): pg.Pool {
  const pool = new pg.Pool({ ...server, ...account })
  pool.on('error', () => {})
  // Without this the driver ends the process when a session is killed whose client is lent.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
