import { knexOn } from './knex-service.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

rotatesOnPostgres(
  'knex',
  withPool((pool) => knexOn(pool).service),
)
