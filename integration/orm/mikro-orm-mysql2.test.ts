import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/mysql'
import { createPool } from '@rekey/mysql2'
import { MysqlDialect } from 'kysely'
import { mikroOrm } from './mikro-orm-service.ts'
import { rotatesOnMysql } from './mysql.ts'
import { mysqlSchema } from './schema.ts'

const { ormOptions, serviceOn } = mikroOrm(core, migrations)

// What MikroORM sets for pools of its own.
const types = { supportBigNumbers: true, dateStrings: true }

rotatesOnMysql('mikro-orm', {
  async rekey(opening) {
    const { server, credentials } = opening
    const { max: connectionLimit, ...at } = server
    const rotation = { spread: 0 }
    const pool = createPool({ ...at, ...types, connectionLimit, credentials, rotation })
    const driverOptions = new MysqlDialect({ pool })
    const options: Options = { ...ormOptions(opening, mysqlSchema), driverOptions }
    return { ...serviceOn(await MikroORM.init(options)), drained: () => pool.drained() }
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, mysqlSchema), ...opening.account }
    return serviceOn(await MikroORM.init(options))
  },
})
