import { rotatingMysql2 } from '@rekey/mysql2'
import { openStage } from '../mysql2/stage.ts'
import { rotatesOnMysql } from './mysql.ts'
import { typeorm } from './typeorm.ts'

typeorm({
  type: 'mysql',
  rotates: rotatesOnMysql,
  openStage,
  driver: rotatingMysql2,
  // TypeORM takes the URL apart.
  urlOption: 'password',
  elsewhere: { type: 'postgres', driver: 'rotatingPg of @rekey/pg' },
})
