import { MikroORM, type Options } from '@mikro-orm/mysql'
import { MikroORM as PostgresMikroORM } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/mysql2/mikro-orm'
import { expect, test } from 'vitest'
import { openStage } from '../../mysql2/stage.ts'
import { mikroOrmRefusals, optionsOn } from '../mikro-orm.ts'
import { rotatesOnMysql } from '../mysql.ts'
import { mysqlSchema } from '../schema.ts'
import { mikroOrm6Service, ormOptions } from './service.ts'

rotatesOnMysql('mikro-orm 6', {
  async rekey(opening) {
    // So that those which nobody takes leave soon.
    const pool = { max: opening.server.max, idleTimeoutMillis: 200, reapIntervalMillis: 50 }
    const given = { ...ormOptions(opening, mysqlSchema), pool }
    const options = mikroOrmRotation(opening.credentials, given, { spread: 0 })
    return mikroOrm6Service(await MikroORM.init(options))
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, mysqlSchema), ...opening.account }
    return mikroOrm6Service(await MikroORM.init(options))
  },
})

mikroOrmRefusals({
  library: 'mikro-orm 6',
  type: 'mysql',
  openStage,
  mikroOrmRotation,
  init: (options) => MikroORM.init(options),
  elsewhere: { init: (options) => PostgresMikroORM.init(options), driver: 'pg' },
})

test('mikro-orm 6 with the dialect of 7 fails before it connects', async () => {
  await using stage = await openStage()
  class MysqlDialect {
    createDriver = () => ({})
    createQueryCompiler = () => ({})
    createAdapter = () => ({})
    createIntrospector = () => ({})
  }
  const orm = MikroORM.init(mikroOrmRotation(stage.credentials, optionsOn(stage), { MysqlDialect }))
  await expect(orm).rejects.toMatchObject({ code: 'ERR_REKEY_DRIVER', option: 'mikro-orm' })
  expect(stage.proxy.total).toBe(0)
})
