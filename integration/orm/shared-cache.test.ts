import { rotatingPg } from '@rekey/pg'
import { sequelizeRotation } from '@rekey/pg/sequelize'
import { QueryTypes, Sequelize } from 'sequelize'
import { DataSource } from 'typeorm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { until } from '../until.ts'

test('two libraries share one cache, and a rotation costs the store one request', async () => {
  await using stage = await openStage({ sessions: 8 })
  const { address, credentials, store, place } = stage
  const typeorm = new DataSource({
    type: 'postgres',
    driver: rotatingPg(credentials),
    ...address,
    poolSize: 4,
    extra: { rotation: { spread: 0 } },
  })
  const options = { dialect: 'postgres', logging: false, ...address } as const
  const sequelize = new Sequelize(sequelizeRotation(credentials, options, { spread: 0 }))
  await typeorm.initialize()
  const use = async (): Promise<unknown[]> => [
    await typeorm.query<unknown[]>('SELECT session_user AS user'),
    await sequelize.query('SELECT session_user AS user', { type: QueryTypes.SELECT }),
  ]
  await use()

  for (let rotation = 1; rotation <= 3; rotation += 1) {
    await stage.rotate()
    await until('both to go over', async () => {
      await use()
      return (await place.sessions(stage.other.user)).length === 0
    })
    const row = [{ user: stage.account.user }]
    expect(await use()).toEqual([row, row])
    expect(store.loads).toBe(1 + rotation)
  }
  await Promise.all([typeorm.destroy(), sequelize.close()])
})
