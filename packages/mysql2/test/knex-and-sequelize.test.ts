import { expect, test } from 'vitest'
import { credentials, libraryHelpers } from '../../core/test/knex-and-sequelize.ts'
import { knexRotation } from '../src/knex.ts'
import { sequelizeRotation } from '../src/sequelize.ts'

libraryHelpers({
  ...{ knexRotation, client: 'mysql2', sequelizeRotation, dialect: 'mysql' },
  scheme: 'mysql',
  elsewhere: ['pg', '@rekey/pg'],
  wrong: {
    knex: [['the driver mysql', { client: 'mysql' }, 'ERR_REKEY_OPTION', 'client']],
    sequelize: [
      ['the dialect of another driver', { dialect: 'mariadb' }, 'ERR_REKEY_OPTION', 'dialect'],
    ],
  },
})

test('knexRotation gives knex the parts of a URL, of which it reads the database, without a user', async () => {
  const connection = 'mysql://app@db.internal:3307/app'
  const config = knexRotation(credentials, { client: 'mysql2', connection })
  const client = { driver: {}, pool: { validate: () => config.connection() } }
  const settings = await config.connection.call(client)
  expect(settings).toMatchObject({ host: 'db.internal', port: 3307, database: 'app' })
  expect(settings).not.toHaveProperty('user')
})
