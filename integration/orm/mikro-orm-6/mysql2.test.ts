import { MikroORM, type Options } from '@mikro-orm/mysql'
import { MikroORM as PostgresMikroORM } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/mysql2/mikro-orm'
import { expect, test } from 'vitest'
import type { Stage } from '../../contract/stage.ts'
import { openStage } from '../../mysql2/stage.ts'
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

function optionsOn({ address: { host, port, database: dbName } }: Stage) {
  return { host, port, dbName, entities: [], discovery: { warnWhenNoEntities: false } }
}

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a function for one', { password: () => 'secret' }, 'password'],
  ['a URL with one', { clientUrl: 'mysql://me:secret@db.internal/app' }, 'clientUrl'],
])(
  'mikro-orm 6 with %s beside its helper fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const conflict = { code: 'ERR_REKEY_CONFLICT', option }
    const given = { ...optionsOn(stage), connect: false }
    const helped = (): object => mikroOrmRotation(stage.credentials, { ...given, ...beside })
    expect(helped).toThrow(expect.objectContaining(conflict))
    // As it is found in the environment.
    const options = mikroOrmRotation(stage.credentials, given)
    await expect(MikroORM.init({ ...options, ...beside })).rejects.toMatchObject(conflict)
    expect(stage.proxy.total).toBe(0)
  },
)

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

test('mikro-orm 6 of another database fails before it connects', async () => {
  await using stage = await openStage()
  const options = mikroOrmRotation(stage.credentials, optionsOn(stage))
  await expect(PostgresMikroORM.init(options)).rejects.toMatchObject({
    code: 'ERR_REKEY_OPTION',
    option: 'driver',
    given: "'pg'",
  })
  expect(stage.proxy.total).toBe(0)
})
