import { createCredentials, fromFunction } from '@rekey/core'
import { sequelizeRotation } from '@rekey/pg/sequelize'
import { Sequelize } from '@sequelize/core'
import { MySqlDialect } from '@sequelize/mysql'
import { PostgresDialect } from '@sequelize/postgres'
import { expect, test } from 'vitest'
import { rotatesOnPostgres } from './postgres.ts'
import { sequelize7Service } from './sequelize-7-service.ts'

const postgres = { dialect: PostgresDialect, logging: false } as const

rotatesOnPostgres('sequelize 7', {
  rekey({ server: { max, ...server }, credentials }) {
    // So that those which nobody takes leave soon.
    const pool = { max, idle: 200, evict: 50 }
    const options = { ...postgres, ...server, pool }
    return sequelize7Service(new Sequelize(sequelizeRotation(credentials, options, { spread: 0 })))
  },
  plain: ({ server: { max, ...server }, account }) =>
    sequelize7Service(new Sequelize({ ...postgres, ...server, ...account, pool: { max } })),
})

test.each([
  ['a password', { password: 'secret' }, { code: 'ERR_REKEY_CONFLICT', option: 'password' }],
  [
    'a URL with one',
    { url: 'postgres://me:secret@db.internal/app' },
    { code: 'ERR_REKEY_CONFLICT', option: 'url' },
  ],
  ['a module', { pgModule: {} }, { code: 'ERR_REKEY_CONFLICT', option: 'pgModule' }],
  [
    'the dialect of another database',
    { dialect: MySqlDialect },
    { code: 'ERR_REKEY_OPTION', message: expect.stringContaining('@rekey/mysql2') as string },
  ],
])('sequelize 7 with %s is refused before it is made', async (_what, beside, error) => {
  const source = fromFunction(() => ({ user: 'app', password: 'secret' }))
  await using credentials = createCredentials(source, { overlap: 60_000 })
  const options = { ...postgres, host: 'db.internal', database: 'app', ...beside }
  expect(() => sequelizeRotation(credentials, options)).toThrow(expect.objectContaining(error))
})
