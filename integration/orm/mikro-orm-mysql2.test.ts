import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/mysql'
import { MikroORM as PostgresMikroORM } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/mysql2/mikro-orm'
import { MysqlDialect } from 'kysely'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { goneOver, openStage } from '../mysql2/stage.ts'
import { mikroOrm } from './mikro-orm-service.ts'
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

function optionsOn({ address: { host, port, database: dbName } }: Stage) {
  return { host, port, dbName, entities: [], discovery: { warnWhenNoEntities: false } }
}

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a function for one', { password: () => 'secret' }, 'password'],
  ['a URL with one', { clientUrl: 'mysql://me:secret@db.internal/app' }, 'clientUrl'],
])(
  'mikro-orm with %s beside its helper fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const conflict = { code: 'ERR_REKEY_CONFLICT', option }
    const given = optionsOn(stage)
    const rotation = { MysqlDialect }
    const helped = (): object =>
      mikroOrmRotation(stage.credentials, { ...given, ...beside }, rotation)
    expect(helped).toThrow(expect.objectContaining(conflict))
    // As it is found in the environment.
    const options = mikroOrmRotation(stage.credentials, given, rotation)
    await expect(MikroORM.init({ ...options, ...beside })).rejects.toMatchObject(conflict)
    expect(stage.proxy.total).toBe(0)
  },
)

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

test('mikro-orm of another database fails before it connects', async () => {
  await using stage = await openStage()
  const options = mikroOrmRotation(stage.credentials, optionsOn(stage), { MysqlDialect })
  await expect(PostgresMikroORM.init(options)).rejects.toMatchObject({
    code: 'ERR_REKEY_OPTION',
    option: 'driver',
    given: "'pg'",
  })
  expect(stage.proxy.total).toBe(0)
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
