import { knexOn } from './knex-service.ts'
import { rotatesOnMysql, withMysqlPool } from './mysql.ts'

rotatesOnMysql(
  'knex',
  withMysqlPool((pool) => knexOn(pool.promise()).service),
)
