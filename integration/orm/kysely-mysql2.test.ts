import { Kysely, MysqlDialect } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/mysql'
import { kyselyService, type Tables } from './kysely-service.ts'
import { rotatesOnMysql, withMysqlPool } from './mysql.ts'

rotatesOnMysql(
  'kysely',
  withMysqlPool((pool) =>
    kyselyService(new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) }), jsonArrayFrom),
  ),
)
