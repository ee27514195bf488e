import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { knexRotation } from '@rekey/pg/knex'
import { rotatesOnPostgres } from '../postgres.ts'
import { postgresSchema } from '../schema.ts'
import { mikroOrm6Service, ormOptions } from './service.ts'

rotatesOnPostgres('mikro-orm 6', {
  async rekey(opening) {
    const { max, ...at } = opening.server
    // So that those which nobody takes leave soon.
    const quick = { max, idleTimeoutMillis: 200, reapIntervalMillis: 50 }
    const config = { client: 'pg', connection: at, pool: quick }
    const { connection, pool } = knexRotation(opening.credentials, config, { spread: 0 })
    const driverOptions = { connection, pool }
    const options: Options = { ...ormOptions(opening, postgresSchema), driverOptions }
    return mikroOrm6Service(await MikroORM.init(options))
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, postgresSchema), ...opening.account }
    return mikroOrm6Service(await MikroORM.init(options))
  },
})
