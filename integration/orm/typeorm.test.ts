import { rotatingPg } from '@rekey/pg'
import { openStage } from '../pg/stage.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { typeorm } from './typeorm.ts'

typeorm({
  type: 'postgres',
  rotates: rotatesOnPostgres,
  openStage,
  driver: rotatingPg,
  urlOption: 'url',
  elsewhere: { type: 'mysql', driver: 'rotatingMysql2 of @rekey/mysql2' },
})
