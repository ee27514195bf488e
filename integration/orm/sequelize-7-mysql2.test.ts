import { createCredentials, fromFunction } from '@rekey/core'
import { sequelizeRotation } from '@rekey/mysql2/sequelize'
import { Sequelize } from '@sequelize/core'
import { MySqlDialect } from '@sequelize/mysql'
import { PostgresDialect } from '@sequelize/postgres'
import { expect, test } from 'vitest'
import { rotatesOnMysql } from './mysql.ts'
import { sequelize7Service } from './sequelize-7-service.ts'

const mysql = { dialect: MySqlDialect, logging: false } as const

rotatesOnMysql('sequelize 7', {
  rekey({ server: { max, ...server }, credentials }) {
    // So that those which nobody takes leave soon.
    const pool = { max, idle: 200, evict: 50 }
    const options = { ...mysql, ...server, pool }
    return sequelize7Service(new Sequelize(sequelizeRotation(credentials, options, { spread: 0 })))
  },
  plain: ({ server: { max, ...server }, account }) =>
    sequelize7Service(new Sequelize({ ...mysql, ...server, ...account, pool: { max } })),
})

test.each([
  ['a password', { password: 'secret' }, { code: 'ERR_REKEY_CONFLICT', option: 'password' }],
  [
    'a URL with one',
    { url: 'mysql://me:secret@db.internal/app' },
    { code: 'ERR_REKEY_CONFLICT', option: 'url' },
  ],
  ['a module', { mysql2Module: {} }, { code: 'ERR_REKEY_CONFLICT', option: 'mysql2Module' }],
  [
    'the dialect of another database',
    { dialect: PostgresDialect },
    { code: 'ERR_REKEY_OPTION', message: expect.stringContaining('@rekey/pg') as string },
  ],
])('sequelize 7 with %s is refused before it is made', async (_what, beside, error) => {
  const source = fromFunction(() => ({ user: 'app', password: 'secret' }))
  await using credentials = createCredentials(source, { overlap: 60_000 })
  const options = { ...mysql, host: 'db.internal', database: 'app', ...beside }
  expect(() => sequelizeRotation(credentials, options)).toThrow(expect.objectContaining(error))
})
