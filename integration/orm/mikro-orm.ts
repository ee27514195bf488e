import type { CredentialsCache } from '@rekey/core'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'

type Init = (options: object) => Promise<unknown>

/** What it takes for one version on one database. */
interface Database {
  readonly library: 'mikro-orm' | 'mikro-orm 6'
  readonly type: 'postgres' | 'mysql'
  readonly openStage: () => Promise<Stage>
  readonly mikroOrmRotation: (credentials: CredentialsCache, options: object) => object
  readonly init: Init
  /** The same for another database, and what its driver is. */
  readonly elsewhere: { readonly init: Init; readonly driver: 'pg' | 'mysql2' }
}

/** What MikroORM is told of a stage, but for its credentials. */
export function optionsOn({ address: { host, port, database: dbName } }: Stage) {
  return { host, port, dbName, entities: [], discovery: { warnWhenNoEntities: false } }
}

/** Proves what is refused of every MikroORM that our helper makes the options for. */
export function mikroOrmRefusals(database: Database): void {
  const { library, type, openStage, mikroOrmRotation, init, elsewhere } = database

  test.each([
    ['a password', { password: 'secret' }, 'password'],
    ['a function for one', { password: () => 'secret' }, 'password'],
    ['a URL with one', { clientUrl: `${type}://me:secret@db.internal/app` }, 'clientUrl'],
  ])(
    `${library} with %s beside its helper fails before it connects`,
    async (_what, beside, option) => {
      await using stage = await openStage()
      const conflict = { code: 'ERR_REKEY_CONFLICT', option }
      // Or 6 would connect at once.
      const given = { ...optionsOn(stage), connect: false }
      const helped = (): object => mikroOrmRotation(stage.credentials, { ...given, ...beside })
      expect(helped).toThrow(expect.objectContaining(conflict))
      // As it is found in the environment.
      const options = mikroOrmRotation(stage.credentials, given)
      await expect(init({ ...options, ...beside })).rejects.toMatchObject(conflict)
      expect(stage.proxy.total).toBe(0)
    },
  )

  test(`${library} of another database fails before it connects`, async () => {
    await using stage = await openStage()
    const options = mikroOrmRotation(stage.credentials, optionsOn(stage))
    await expect(elsewhere.init(options)).rejects.toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'driver',
      given: `'${elsewhere.driver}'`,
    })
    expect(stage.proxy.total).toBe(0)
  })
}
