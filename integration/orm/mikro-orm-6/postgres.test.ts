import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { knexRotation } from '@rekey/pg/knex'
import { mikroOrmRotation } from '@rekey/pg/mikro-orm'
import { expect, test } from 'vitest'
import { openStage } from '../../pg/stage.ts'
import { optionsOn } from '../mikro-orm.ts'
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

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a URL with one', { clientUrl: 'postgres://me:secret@db.internal/app' }, 'clientUrl'],
])(
  'mikro-orm 6 with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const config = { client: 'pg', connection: stage.address }
    const { connection, pool } = knexRotation(stage.credentials, config)
    const driverOptions = { connection, pool }
    const orm = MikroORM.init({ ...optionsOn(stage), driverOptions, ...beside })
    await expect(orm).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
    expect(stage.proxy.total).toBe(0)
  },
)

test('mikro-orm 6 with the helper for 7 fails before it connects', async () => {
  await using stage = await openStage()
  const orm = MikroORM.init(mikroOrmRotation(stage.credentials, optionsOn(stage)))
  await expect(orm).rejects.toMatchObject({ code: 'ERR_REKEY_DRIVER', option: 'mikro-orm' })
  expect(stage.proxy.total).toBe(0)
})
