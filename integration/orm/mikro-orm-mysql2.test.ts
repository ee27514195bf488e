import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/mysql'
import { MikroORM as PostgresMikroORM } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/mysql2/mikro-orm'
import { MysqlDialect } from 'kysely'
import { expect, test } from 'vitest'
import { goneOver, openStage } from '../mysql2/stage.ts'
import { mikroOrm } from './mikro-orm-service.ts'
import { mikroOrmRefusals, optionsOn } from './mikro-orm.ts'
import { rotatesOnMysql } from './mysql.ts'
import { mysqlSchema } from './schema.ts'

const { ormOptions, serviceOn } = mikroOrm(core, migrations)

rotatesOnMysql('mikro-orm', {
  async rekey(opening) {
    const rotation = { MysqlDialect, spread: 0 }
    const given = ormOptions(opening, mysqlSchema)
    const options = mikroOrmRotation(opening.credentials, given, rotation)
    const orm = await MikroORM.init(options)
    return { ...serviceOn(orm), drained: () => options.driverOptions.drained() }
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, mysqlSchema), ...opening.account }
    return serviceOn(await MikroORM.init(options))
  },
})

mikroOrmRefusals({
  library: 'mikro-orm',
  type: 'mysql',
  openStage,
  mikroOrmRotation: (credentials, options) =>
    mikroOrmRotation(credentials, options, { MysqlDialect }),
  init: (options) => MikroORM.init(options),
  elsewhere: { init: (options) => PostgresMikroORM.init(options), driver: 'pg' },
})

test('mikro-orm without the dialect that 7 needs fails before it connects', async () => {
  await using stage = await openStage()
  const orm = await MikroORM.init(mikroOrmRotation(stage.credentials, optionsOn(stage)))
  await expect(orm.em.fork().execute('SELECT 1')).rejects.toMatchObject({
    code: 'ERR_REKEY_DRIVER',
    option: 'mikro-orm',
  })
  expect(stage.proxy.total).toBe(0)
  await orm.close()
})

test('mikro-orm that connects again rotates again', async () => {
  await using stage = await openStage()
  const options = mikroOrmRotation(stage.credentials, optionsOn(stage), { MysqlDialect, spread: 0 })
  const orm = await MikroORM.init(options)
  const user = async (): Promise<string | undefined> => {
    const rows = await orm.em.fork().execute<{ user: string }[]>('SELECT user() AS user')
    return rows[0]?.user.split('@')[0]
  }
  expect(await user()).toBe(stage.account.user)
  await orm.reconnect()
  expect(await user()).toBe(stage.account.user)
  await stage.rotate()
  await goneOver(options.driverOptions)
  expect(await user()).toBe(stage.account.user)
  await orm.close()
})
