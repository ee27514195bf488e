import type { CredentialsCache } from '@rekey/core'
import { DataSource } from 'typeorm'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'
import type { Rotates } from './rotates.ts'
import { entities, typeormService } from './typeorm-service.ts'

/** What it takes on one database. */
interface Database {
  readonly type: 'postgres' | 'mysql'
  readonly rotates: Rotates
  readonly openStage: (options: { sessions: number }) => Promise<Stage>
  readonly driver: (credentials: CredentialsCache) => object
  /** What an error about a password in its `url` names. */
  readonly urlOption: string
  /** Another database, and what its driver is. */
  readonly elsewhere: { readonly type: 'postgres' | 'mysql'; readonly driver: string }
}

/** Proves TypeORM, whose data sources take the module of a driver. */
export function typeorm(database: Database): void {
  const { type, rotates, openStage, driver, urlOption, elsewhere } = database
  const sourceOf = (options: object): Promise<DataSource> =>
    new DataSource({ type, ...options }).initialize()

  async function serviceOn(options: object): Promise<Service> {
    return typeormService(await sourceOf({ ...options, entities }))
  }

  rotates('typeorm', {
    rekey: ({ server: { max: poolSize, ...server }, credentials }) => {
      const extra = { rotation: { spread: 0 } }
      return serviceOn({ driver: driver(credentials), ...server, poolSize, extra })
    },
    plain: ({ server: { max: poolSize, ...server }, account: { user: username, password } }) =>
      serviceOn({ ...server, username, password, poolSize }),
  })

  test('typeorm rotates the pool of a replica too, and asks the store once for both', async () => {
    await using stage = await openStage({ sessions: 4 })
    const { address, credentials, place, store } = stage
    const source = await sourceOf({
      driver: driver(credentials),
      replication: { master: address, slaves: [address] },
      poolSize: 2,
      extra: { rotation: { spread: 0 } },
    })
    for (const mode of ['master', 'slave'] as const) {
      const runner = source.createQueryRunner(mode)
      await runner.query('SELECT 1')
      await runner.release()
    }
    expect(await place.sessions(stage.account.user)).toHaveLength(2)
    const { loads } = store
    await stage.rotate()
    await until('both to go over', async () => {
      const sessions = await place.sessions()
      return sessions.length === 2 && sessions.every(({ user }) => user === stage.account.user)
    })
    expect(store.loads).toBe(loads + 1)
    await source.query('SELECT 1')
    await source.destroy()
  })

  test.each([
    ['a password', { password: 'secret' }, 'password'],
    ['a URL with one', { url: `${type}://me:secret@db.internal/app` }, urlOption],
  ])(
    'typeorm with %s beside the credentials fails before it connects',
    async (_what, beside, option) => {
      await using stage = await openStage({ sessions: 1 })
      const source = sourceOf({ driver: driver(stage.credentials), ...stage.address, ...beside })
      await expect(source).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
      expect(stage.proxy.total).toBe(0)
    },
  )

  test.each([
    elsewhere,
    { type: 'mssql', driver: 'the driver of SQL Server, which rekey does not rotate' },
    { type: 'better-sqlite3', driver: 'the driver of SQLite, which rekey does not rotate' },
    { type: 'oracle', driver: 'the driver of Oracle, which rekey does not rotate' },
  ])(`typeorm on $type with the driver for ${type} fails before it connects`, async (other) => {
    await using stage = await openStage({ sessions: 1 })
    const options = { driver: driver(stage.credentials), ...stage.address }
    await expect(sourceOf({ ...options, type: other.type })).rejects.toMatchObject({
      name: 'RekeyError',
      code: 'ERR_REKEY_DRIVER',
      option: 'driver',
      allowed: other.driver,
    })
    expect(stage.proxy.total).toBe(0)
  })
}
