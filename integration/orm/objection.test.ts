import { objectionService } from './objection-service.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

rotatesOnPostgres('objection', withPool(objectionService))
