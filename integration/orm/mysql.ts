import { createPool } from '@rekey/mysql2'
import mysql2 from 'mysql2'
import { mysql } from '../mysql2/stage.ts'
import type { Service } from './library.ts'
import { rotatesOn, type Rotates, type Ways } from './rotates.ts'
import { mysqlSchema } from './schema.ts'

/** Proves one library on MySQL. */
export const rotatesOnMysql: Rotates = rotatesOn(mysql, mysqlSchema)

/** The two ways of a library that takes a pool. */
export function withMysqlPool(serviceOn: (pool: mysql2.Pool) => Service): Ways {
  return {
    rekey({ server: { max: connectionLimit, ...server }, credentials }) {
      const rotation = { spread: 0 }
      const pool = createPool({ ...server, connectionLimit, credentials, rotation })
      return { ...serviceOn(pool), drained: () => pool.drained() }
    },
    plain: ({ server: { max: connectionLimit, ...server }, account }) =>
      serviceOn(mysql2.createPool({ ...server, connectionLimit, ...account })),
  }
}
