import * as core from '@mikro-orm/core'
import * as migrations from '@mikro-orm/migrations'
import type { Opening, Service } from '../library.ts'
import { mikroOrm, type Core, type Migrations } from '../mikro-orm-service.ts'
import type { Schema } from '../schema.ts'

/** What is used of it, in the types of this version. */
interface MikroOrm6 {
  readonly ormOptions: (
    opening: Opening,
    schema: Schema,
  ) => Pick<core.Options, 'dbName' | 'entities' | 'extensions' | 'migrations'>
  readonly serviceOn: (orm: Pick<core.MikroORM, 'em' | 'migrator' | 'close'>) => Service
}

// The versions' types do not fit each other; what the service uses is the same.
const { ormOptions, serviceOn } = mikroOrm(
  core as unknown as Core,
  migrations as unknown as Migrations,
) as unknown as MikroOrm6

export { ormOptions }

/** The service on MikroORM 6, which has no streams. */
export const mikroOrm6Service: typeof serviceOn = (orm) => {
  const service = serviceOn(orm)
  delete service.titles
  return service
}
