import { knexRotation } from '@rekey/mysql2/knex'
import { openStage } from '../mysql2/stage.ts'
import { knex32 } from './knex-3.2.ts'
import { rotatesOnMysql } from './mysql.ts'

knex32({ client: 'mysql2', rotates: rotatesOnMysql, openStage, knexRotation })
