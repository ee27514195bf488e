import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM as MysqlMikroORM } from '@mikro-orm/mysql'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/pg/mikro-orm'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { openStage } from '../pg/stage.ts'
import { mikroOrm } from './mikro-orm-service.ts'
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

function optionsOn({ address: { host, port, database: dbName } }: Stage) {
  return { host, port, dbName, entities: [], discovery: { warnWhenNoEntities: false } }
}

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a function for one', { password: () => 'secret' }, 'password'],
  ['a URL with one', { clientUrl: 'postgres://me:secret@db.internal/app' }, 'clientUrl'],
])(
  'mikro-orm with %s beside its helper fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const conflict = { code: 'ERR_REKEY_CONFLICT', option }
    const given = optionsOn(stage)
    const helped = (): object => mikroOrmRotation(stage.credentials, { ...given, ...beside })
    expect(helped).toThrow(expect.objectContaining(conflict))
    // As it is found in the environment.
    const options = mikroOrmRotation(stage.credentials, given)
    await expect(MikroORM.init({ ...options, ...beside })).rejects.toMatchObject(conflict)
    expect(stage.proxy.total).toBe(0)
  },
)

test('mikro-orm with a password of a replica fails before it connects to that', async () => {
  await using stage = await openStage()
  const given = { ...optionsOn(stage), replicas: [{ password: 'secret' }] }
  const orm = await MikroORM.init(mikroOrmRotation(stage.credentials, given))
  const read = orm.em.fork().getConnection('read').execute('SELECT 1')
  await expect(read).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option: 'password' })
  expect(stage.proxy.total).toBe(0)
  await orm.close()
})

test('mikro-orm of another database fails before it connects', async () => {
  await using stage = await openStage()
  const options = mikroOrmRotation(stage.credentials, optionsOn(stage))
  await expect(MysqlMikroORM.init(options)).rejects.toMatchObject({
    code: 'ERR_REKEY_OPTION',
    option: 'driver',
    given: "'mysql2'",
  })
  expect(stage.proxy.total).toBe(0)
})
