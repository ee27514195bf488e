import { connect } from 'node:net'
import { sequelizeRotation } from '@rekey/mysql2/sequelize'
import { Sequelize } from 'sequelize'
import { expect, test } from 'vitest'
import { openStage } from '../mysql2/stage.ts'
import { rotatesOnMysql } from './mysql.ts'
import { goesOver, sequelizeService } from './sequelize-service.ts'

const mysql = { dialect: 'mysql', logging: false } as const

/** So that those which nobody takes leave soon. */
const soon = { idle: 200, evict: 50 }

rotatesOnMysql('sequelize', {
  rekey({ server: { max, ...server }, credentials }) {
    const pool = { max, ...soon }
    const options = { ...mysql, ...server, pool }
    return sequelizeService(new Sequelize(sequelizeRotation(credentials, options, { spread: 0 })))
  },
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    sequelizeService(new Sequelize({ ...mysql, ...server, username, password, pool: { max } })),
})

test('sequelize with a password in its URL fails before it connects', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const options = sequelizeRotation(stage.credentials, { ...mysql, database })
  const url = `mysql://me:secret@${host}:${port}/${database}`
  const sequelize = new Sequelize(url, options)
  await expect(sequelize.query('SELECT 1')).rejects.toMatchObject({
    parent: { code: 'ERR_REKEY_CONFLICT' },
  })
  expect(stage.proxy.open).toBe(0)
  await sequelize.close()
})

test('sequelize whose server stands in a URL alone rotates too', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const options = sequelizeRotation(stage.credentials, { ...mysql, database }, { spread: 0 })
  const sequelize = new Sequelize(`mysql://${host}:${port}/${database}`, options)
  await goesOver(sequelize, stage)
})

test('sequelize whose hook brings the sockets rotates too', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const pool = { max: 2, ...soon }
  const options = { ...mysql, host, port, database, pool }
  const sequelize = new Sequelize(sequelizeRotation(stage.credentials, options, { spread: 0 }))
  sequelize.addHook('beforeConnect', (config: object) => {
    Object.assign(config, { dialectOptions: { stream: connect(port, host) } })
  })
  await goesOver(sequelize, stage)
})
