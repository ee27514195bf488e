import { rotatingPg } from '@rekey/pg'
import { DataSource, type DataSourceOptions } from 'typeorm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { entities, typeormService } from './typeorm-service.ts'

async function serviceOn(options: DataSourceOptions): Promise<Service> {
  return typeormService(await new DataSource(options).initialize())
}

rotatesOnPostgres('typeorm', {
  rekey: ({ server: { max, ...server }, credentials }) =>
    serviceOn({
      type: 'postgres',
      driver: rotatingPg(credentials),
      ...server,
      poolSize: max,
      entities,
      extra: { rotation: { spread: 0 } },
    }),
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    serviceOn({ type: 'postgres', ...server, username, password, poolSize: max, entities }),
})

test('typeorm rotates the pool of a replica too, and asks the store once for both', async () => {
  await using stage = await openStage({ sessions: 4 })
  const { address, credentials, place, store } = stage
  const { database, ...server } = address
  const source = await new DataSource({
    type: 'postgres',
    driver: rotatingPg(credentials),
    replication: { master: { ...server, database }, slaves: [{ ...server, database }] },
    poolSize: 2,
    extra: { rotation: { spread: 0 } },
  }).initialize()
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
  ['a URL with one', { url: 'postgres://me:secret@db.internal/app' }, 'connectionString'],
])(
  'typeorm with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const driver = rotatingPg(stage.credentials)
    const source = new DataSource({ type: 'postgres', driver, ...stage.address, ...beside })
    await expect(source.initialize()).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
  },
)
