import { createCredentials, fromFunction, RekeyError } from '@rekey/core'
import { describe, expect, test } from 'vitest'
import { knexRotation } from '../src/knex.ts'
import { sequelizeRotation } from '../src/sequelize.ts'

const secret = 'hunter2-hunter2'
const overlap = 60_000
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap },
)
const server = { host: 'db.internal', database: 'app' }
const knex = { client: 'mysql2', connection: server }
const sequelize = { dialect: 'mysql', ...server } as const

/** What a call throws, which must tell what would be right, and no secret. */
function refusalOf(call: () => unknown): RekeyError {
  try {
    call()
  } catch (error) {
    expect(error).toBeInstanceOf(RekeyError)
    expect(String(error)).not.toContain(secret)
    expect((error as RekeyError).allowed).toBeTypeOf('string')
    return error as RekeyError
  }
  throw new Error('Nothing was thrown.')
}

describe('knexRotation', () => {
  test('leaves what it is given as it is, and keeps no idle connection for ever', () => {
    const config = knexRotation(credentials, { ...knex, pool: { max: 3 }, searchPath: 'mine' })
    expect(config).toMatchObject({ client: 'mysql2', searchPath: 'mine', pool: { min: 0, max: 3 } })
    expect(knex.connection).toEqual(server)
  })

  test.each([
    ['SQLite', { client: 'better-sqlite3' }, 'ERR_REKEY_OPTION', 'client'],
    ['no client', { client: undefined }, 'ERR_REKEY_OPTION', 'client'],
    [
      'a password',
      { connection: { ...server, password: secret } },
      'ERR_REKEY_CONFLICT',
      'password',
    ],
    [
      'a URL with a password',
      { connection: `mysql://app:${secret}@db.internal/app` },
      'ERR_REKEY_CONFLICT',
      'uri',
    ],
    ['a function', { connection: () => server }, 'ERR_REKEY_OPTION', 'connection'],
    ['a pool', { connectionPool: {} }, 'ERR_REKEY_CONFLICT', 'connectionPool'],
    ['a minimum', { pool: { min: 2 } }, 'ERR_REKEY_OPTION', 'pool.min'],
    ['a pool of none', { pool: { max: 0 } }, 'ERR_REKEY_OPTION', 'pool.max'],
    ['the driver mysql', { client: 'mysql' }, 'ERR_REKEY_OPTION', 'client'],
  ])('refuses %s', (_what, wrong, code, option) => {
    const given = { ...knex, ...wrong } as typeof knex
    expect(refusalOf(() => knexRotation(credentials, given))).toMatchObject({ code, option })
  })

  test('points PostgreSQL to its own adapter', () => {
    const error = refusalOf(() => knexRotation(credentials, { ...knex, client: 'pg' }))
    expect(error.message).toContain('@rekey/pg')
  })

  test('gives knex the parts of a URL, of which it reads the database, without a user', async () => {
    const connection = 'mysql://app@db.internal:3307/app'
    const config = knexRotation(credentials, { ...knex, connection })
    const client = { driver: {}, pool: { validate: () => config.connection() } }
    const settings = await config.connection.call(client)
    expect(settings).toMatchObject({ host: 'db.internal', port: 3307, database: 'app' })
    expect(settings).not.toHaveProperty('user')
  })

  test('refuses a rotation that does not fit into the overlap window', () => {
    const error = refusalOf(() => knexRotation(credentials, knex, { spread: overlap }))
    expect(error.code).toBe('ERR_REKEY_BUDGET')
  })
})

describe('sequelizeRotation', () => {
  test('leaves what it is given as it is', () => {
    const options = sequelizeRotation(credentials, { ...sequelize, pool: { max: 3, idle: 500 } })
    expect(options).toMatchObject({ ...sequelize, pool: { max: 3, idle: 500 } })
  })

  test.each([
    ['MSSQL', { dialect: 'mssql' }, 'ERR_REKEY_OPTION', 'dialect'],
    ['a password', { password: secret }, 'ERR_REKEY_CONFLICT', 'password'],
    ['replication', { replication: {} }, 'ERR_REKEY_OPTION', 'replication'],
    ['a module', { dialectModule: {} }, 'ERR_REKEY_CONFLICT', 'dialectModule'],
    ['a minimum', { pool: { min: 1 } }, 'ERR_REKEY_OPTION', 'pool.min'],
    ['a pool of none', { pool: { max: 0 } }, 'ERR_REKEY_OPTION', 'pool.max'],
    ['the dialect of another driver', { dialect: 'mariadb' }, 'ERR_REKEY_OPTION', 'dialect'],
  ])('refuses %s', (_what, wrong, code, option) => {
    const given = { ...sequelize, ...wrong } as typeof sequelize
    expect(refusalOf(() => sequelizeRotation(credentials, given))).toMatchObject({ code, option })
  })
})
