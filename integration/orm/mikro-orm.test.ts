import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM as MysqlMikroORM } from '@mikro-orm/mysql'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/pg/mikro-orm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { mikroOrm } from './mikro-orm-service.ts'
import { mikroOrmRefusals, optionsOn } from './mikro-orm.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { postgresSchema } from './schema.ts'

const { ormOptions, serviceOn } = mikroOrm(core, migrations)

rotatesOnPostgres('mikro-orm', {
  async rekey(opening) {
    const given = ormOptions(opening, postgresSchema)
    const options = mikroOrmRotation(opening.credentials, given, { spread: 0 })
    const orm = await MikroORM.init(options)
    return { ...serviceOn(orm), drained: () => options.driverOptions.drained() }
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, postgresSchema), ...opening.account }
    return serviceOn(await MikroORM.init(options))
  },
})

mikroOrmRefusals({
  library: 'mikro-orm',
  type: 'postgres',
  openStage,
  mikroOrmRotation,
  init: (options) => MikroORM.init(options),
  elsewhere: { init: (options) => MysqlMikroORM.init(options), driver: 'mysql2' },
})

test('mikro-orm with a password of a replica fails before it connects to that', async () => {
  await using stage = await openStage()
  const given = { ...optionsOn(stage), replicas: [{ password: 'secret' }] }
  const orm = await MikroORM.init(mikroOrmRotation(stage.credentials, given))
  const read = orm.em.fork().getConnection('read').execute('SELECT 1')
  await expect(read).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option: 'password' })
  expect(stage.proxy.total).toBe(0)
  await orm.close()
})
