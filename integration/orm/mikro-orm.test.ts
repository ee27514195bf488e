import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { mikroOrmRotation } from '@rekey/pg/mikro-orm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { mikroOrm } from './mikro-orm-service.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { postgresSchema } from './schema.ts'

const { ormOptions, serviceOn } = mikroOrm(core, migrations)

rotatesOnPostgres('mikro-orm', {
  async rekey(opening) {
    const driverOptions = mikroOrmRotation(opening.credentials, { spread: 0 })
    const options: Options = { ...ormOptions(opening, postgresSchema), driverOptions }
    const orm = await MikroORM.init(options)
    return { ...serviceOn(orm), drained: () => driverOptions.drained() }
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, postgresSchema), ...opening.account }
    return serviceOn(await MikroORM.init(options))
  },
})

test.each([
  ['a password', { password: 'secret' }],
  ['a function for one', { password: () => 'secret' }],
  ['a URL with one', { clientUrl: 'postgres://me:secret@db.internal/app' }],
])('mikro-orm with %s beside the credentials fails before it connects', async (_what, beside) => {
  await using stage = await openStage()
  const { database: dbName, ...at } = stage.address
  const driverOptions = mikroOrmRotation(stage.credentials)
  const discovery = { warnWhenNoEntities: false }
  const options: Options = { ...at, dbName, driverOptions, entities: [], discovery, ...beside }
  const orm = await MikroORM.init(options)
  await expect(orm.em.fork().execute('SELECT 1')).rejects.toMatchObject({
    code: 'ERR_REKEY_CONFLICT',
    option: 'password',
  })
  expect(stage.proxy.total).toBe(0)
  await orm.close()
})
