import { rotatingMysql2 } from '@rekey/mysql2'
import { DataSource, type DataSourceOptions } from 'typeorm'
import { expect, test } from 'vitest'
import { openStage } from '../mysql2/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'
import { rotatesOnMysql } from './mysql.ts'
import { entities, typeormService } from './typeorm-service.ts'

async function serviceOn(options: DataSourceOptions): Promise<Service> {
  return typeormService(await new DataSource(options).initialize())
}

rotatesOnMysql('typeorm', {
  rekey: ({ server: { max, ...server }, credentials }) =>
    serviceOn({
      type: 'mysql',
      driver: rotatingMysql2(credentials),
      ...server,
      poolSize: max,
      entities,
      extra: { rotation: { spread: 0 } },
    }),
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    serviceOn({ type: 'mysql', ...server, username, password, poolSize: max, entities }),
})

test('typeorm rotates the pool of a replica too, and asks the store once for both', async () => {
  await using stage = await openStage({ sessions: 4 })
  const { address: server, credentials, place, store } = stage
  const source = await new DataSource({
    type: 'mysql',
    driver: rotatingMysql2(credentials),
    replication: { master: server, slaves: [server] },
    poolSize: 2,
    extra: { rotation: { spread: 0 } },
  }).initialize()
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
  await source.destroy()
})
