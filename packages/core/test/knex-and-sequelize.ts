import {
  createCredentials,
  fromFunction,
  RekeyError,
  type CredentialsCache,
  type TheirRotation,
} from '@rekey/core'
import { describe, expect, test } from 'vitest'

const secret = 'hunter2-hunter2'
const overlap = 60_000
export const credentials: CredentialsCache = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap },
)
const server = { host: 'db.internal', database: 'app' }

/** What it is, what is given in the place of what would be right, and what the error says. */
type Wrong = readonly [what: string, given: object, code: string, option: string]

/** Options and a rotation in, options out. */
type Helper = (credentials: CredentialsCache, options: never, rotation?: TheirRotation) => object

/** The helpers of one adapter. */
interface Helpers {
  readonly knexRotation: Helper
  readonly client: string
  readonly sequelizeRotation: Helper
  readonly dialect: string
  /** How its URLs begin. */
  readonly scheme: string
  /** A client of knex that is another adapter's, and that adapter. */
  readonly elsewhere: readonly [client: string, adapter: string]
  /** What is wrong in this adapter alone. */
  readonly wrong: { readonly knex: readonly Wrong[]; readonly sequelize: readonly Wrong[] }
}

/** What the helpers for knex and Sequelize keep and refuse, whichever adapter they are of. */
export function libraryHelpers(helpers: Helpers): void {
  const { client, dialect, scheme, elsewhere, wrong } = helpers
  const knex = { client, connection: server }
  const sequelize = { dialect, ...server }
  const knexRotation = (options: object, rotation?: TheirRotation): object =>
    helpers.knexRotation(credentials, options as never, rotation)
  const sequelizeRotation = (options: object, rotation?: TheirRotation): object =>
    helpers.sequelizeRotation(credentials, options as never, rotation)

  describe('knexRotation', () => {
    test('leaves what it is given as it is, and keeps no idle connection for ever', () => {
      const config = knexRotation({ ...knex, pool: { max: 3 }, searchPath: 'mine' })
      expect(config).toMatchObject({ client, searchPath: 'mine', pool: { min: 0, max: 3 } })
      expect(knex.connection).toEqual(server)
    })

    test.each<Wrong>([
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
        { connection: `${scheme}://app:${secret}@db.internal/app` },
        'ERR_REKEY_CONFLICT',
        'connection',
      ],
      ['a function', { connection: () => server }, 'ERR_REKEY_OPTION', 'connection'],
      ['a pool', { connectionPool: {} }, 'ERR_REKEY_CONFLICT', 'connectionPool'],
      ['a minimum', { pool: { min: 2 } }, 'ERR_REKEY_OPTION', 'pool.min'],
      ['a pool of none', { pool: { max: 0 } }, 'ERR_REKEY_OPTION', 'pool.max'],
      ...wrong.knex,
    ])('refuses %s', (_what, given, code, option) => {
      const error = refusalOf(() => knexRotation({ ...knex, ...given }))
      expect(error).toMatchObject({ code, option })
    })

    test.each([undefined, `${scheme}://app:${secret}@db.internal/app`])('refuses %o', (given) => {
      const error = refusalOf(() => knexRotation(given as never))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'config' })
    })

    test("points another database's client to its own adapter", () => {
      const error = refusalOf(() => knexRotation({ ...knex, client: elsewhere[0] }))
      expect(error.message).toContain(elsewhere[1])
    })

    test('refuses a rotation that does not fit into the overlap window', () => {
      const error = refusalOf(() => knexRotation(knex, { spread: overlap }))
      expect(error.code).toBe('ERR_REKEY_BUDGET')
    })

    test.each([null, 'fast'])('refuses %o as a rotation', (rotation) => {
      const error = refusalOf(() => knexRotation(knex, rotation as never))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'rotation' })
    })

    test('refuses a maxRefusals of none', () => {
      const error = refusalOf(() => knexRotation(knex, { maxRefusals: 0 }))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'rotation.maxRefusals' })
    })
  })

  describe('sequelizeRotation', () => {
    test('leaves what it is given as it is', () => {
      const options = sequelizeRotation({ ...sequelize, pool: { max: 3, idle: 500 } })
      expect(options).toMatchObject({ ...sequelize, pool: { max: 3, idle: 500 } })
    })

    test.each<Wrong>([
      ['MSSQL', { dialect: 'mssql' }, 'ERR_REKEY_OPTION', 'dialect'],
      ['a password', { password: secret }, 'ERR_REKEY_CONFLICT', 'password'],
      ['replication', { replication: {} }, 'ERR_REKEY_OPTION', 'replication'],
      ['a module', { dialectModule: {} }, 'ERR_REKEY_CONFLICT', 'dialectModule'],
      ['the path of one', { dialectModulePath: client }, 'ERR_REKEY_CONFLICT', 'dialectModulePath'],
      ['a minimum', { pool: { min: 1 } }, 'ERR_REKEY_OPTION', 'pool.min'],
      ['a pool of none', { pool: { max: 0 } }, 'ERR_REKEY_OPTION', 'pool.max'],
      ...wrong.sequelize,
    ])('refuses %s', (_what, given, code, option) => {
      const error = refusalOf(() => sequelizeRotation({ ...sequelize, ...given }))
      expect(error).toMatchObject({ code, option })
    })

    test.each([null, 'fast'])('refuses %o as a rotation', (rotation) => {
      const error = refusalOf(() => sequelizeRotation(sequelize, rotation as never))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'rotation' })
    })

    test('refuses a maxRefusals of none', () => {
      const error = refusalOf(() => sequelizeRotation(sequelize, { maxRefusals: 0 }))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'rotation.maxRefusals' })
    })

    test('refuses to be given nothing, and says what is missing', () => {
      const error = refusalOf(() => sequelizeRotation(undefined as never))
      expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'options' })
      const without = refusalOf(() => sequelizeRotation(server))
      expect(without).toMatchObject({ option: 'dialect', given: 'nothing' })
    })
  })
}

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
