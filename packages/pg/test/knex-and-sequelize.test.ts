import { libraryHelpers } from '../../core/test/knex-and-sequelize.ts'
import { knexRotation } from '../src/knex.ts'
import { sequelizeRotation } from '../src/sequelize.ts'

libraryHelpers({
  ...{ knexRotation, client: 'pg', sequelizeRotation, dialect: 'postgres' },
  scheme: 'postgres',
  elsewhere: ['mysql2', '@rekey/mysql2'],
  wrong: {
    knex: [
      ['no database', { connection: { host: 'db.internal' } }, 'ERR_REKEY_OPTION', 'database'],
    ],
    sequelize: [
      ['no database', { database: undefined }, 'ERR_REKEY_OPTION', 'database'],
      ['pg-native', { native: true }, 'ERR_REKEY_OPTION', 'native'],
    ],
  },
})
