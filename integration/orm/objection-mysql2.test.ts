import { rotatesOnMysql, withMysqlPool } from './mysql.ts'
import { objectionService } from './objection-service.ts'

rotatesOnMysql(
  'objection',
  withMysqlPool((pool) => objectionService(pool.promise())),
)
