import { knexRotation } from '@rekey/pg/knex'
import { openStage } from '../pg/stage.ts'
import { knex32 } from './knex-3.2.ts'
import { rotatesOnPostgres } from './postgres.ts'

knex32({ client: 'pg', rotates: rotatesOnPostgres, openStage, knexRotation })
