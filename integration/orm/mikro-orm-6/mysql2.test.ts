import { MikroORM, type Options } from '@mikro-orm/mysql'
import { knexRotation } from '@rekey/mysql2/knex'
import { rotatesOnMysql } from '../mysql.ts'
import { mysqlSchema } from '../schema.ts'
import { mikroOrm6Service, ormOptions } from './service.ts'

// What MikroORM sets for connections of its own.
const types = { supportBigNumbers: true, dateStrings: true }

rotatesOnMysql('mikro-orm 6', {
  async rekey(opening) {
    const { max, ...at } = opening.server
    // So that those which nobody takes leave soon.
    const quick = { max, idleTimeoutMillis: 200, reapIntervalMillis: 50 }
    const config = { client: 'mysql2', connection: { ...at, ...types }, pool: quick }
    const { connection, pool } = knexRotation(opening.credentials, config, { spread: 0 })
    const driverOptions = { connection, pool }
    const options: Options = { ...ormOptions(opening, mysqlSchema), driverOptions }
    return mikroOrm6Service(await MikroORM.init(options))
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, mysqlSchema), ...opening.account }
    return mikroOrm6Service(await MikroORM.init(options))
  },
})
