import { Socket } from 'node:net'
import { sequelizeRotation } from '@rekey/pg/sequelize'
import { Sequelize } from 'sequelize'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { goesOver, sequelizeService } from './sequelize-service.ts'

const postgres = { dialect: 'postgres', logging: false } as const

rotatesOnPostgres('sequelize', {
  rekey({ server: { max, ...server }, credentials }) {
    // So that those which nobody takes leave soon.
    const pool = { max, idle: 200, evict: 50 }
    const options = { ...postgres, ...server, pool }
    return sequelizeService(new Sequelize(sequelizeRotation(credentials, options, { spread: 0 })))
  },
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    sequelizeService(new Sequelize({ ...postgres, ...server, username, password, pool: { max } })),
})

test('sequelize with a password in its URL fails before it connects', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const options = sequelizeRotation(stage.credentials, { ...postgres, database })
  const url = `postgres://me:secret@${host}:${port}/${database}`
  const sequelize = new Sequelize(url, options)
  await expect(sequelize.query('SELECT 1')).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT' })
  expect(stage.proxy.open).toBe(0)
  await sequelize.close()
})

test('sequelize whose server stands in a URL alone rotates too', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const options = sequelizeRotation(stage.credentials, { ...postgres, database }, { spread: 0 })
  const sequelize = new Sequelize(`postgres://${host}:${port}/${database}`, options)
  await goesOver(sequelize, stage)
})

test('sequelize whose hook brings the sockets rotates too', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const pool = { max: 2, idle: 200, evict: 50 }
  const options = { ...postgres, host, port, database, pool }
  const sequelize = new Sequelize(sequelizeRotation(stage.credentials, options, { spread: 0 }))
  sequelize.addHook('beforeConnect', (config: object) => {
    Object.assign(config, { dialectOptions: { stream: new Socket() } })
  })
  await goesOver(sequelize, stage)
})
