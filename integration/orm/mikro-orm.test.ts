import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import { attachRotation, type PoolRotation } from '@rekey/pg'
import type pg from 'pg'
import { mikroOrm } from './mikro-orm-service.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { postgresSchema } from './schema.ts'

const { ormOptions, serviceOn } = mikroOrm(core, migrations)

rotatesOnPostgres('mikro-orm', {
  async rekey(opening) {
    let rotation: PoolRotation | undefined
    const onPoolCreated = (pool: pg.Pool): void => {
      rotation = attachRotation(pool, opening.credentials, { spread: 0 })
    }
    const driverOptions = { onPoolCreated }
    const options: Options = { ...ormOptions(opening, postgresSchema), driverOptions }
    const orm = await MikroORM.init(options)
    return { ...serviceOn(orm), drained: async () => rotation?.drained() }
  },
  async plain(opening) {
    const options: Options = { ...ormOptions(opening, postgresSchema), ...opening.account }
    return serviceOn(await MikroORM.init(options))
  },
})
