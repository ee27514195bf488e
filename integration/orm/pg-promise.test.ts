import { rotatingPg } from '@rekey/pg'
import pgPromise, { type IDatabase } from 'pg-promise'
import QueryStream from 'pg-query-stream'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'

function serviceOn(db: IDatabase<object>): Service {
  return {
    async migrate(migrations) {
      // It has no tool of its own for this.
      await db.none('CREATE TABLE IF NOT EXISTS migrated (name text)')
      for (const { name, statements } of migrations) {
        await db.tx(async (transaction) => {
          if (await transaction.oneOrNone('SELECT FROM migrated WHERE name = $1', name)) return
          for (const statement of statements) await transaction.any(statement)
          await transaction.none('INSERT INTO migrated VALUES ($1)', name)
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await db.tx(async (transaction) => {
        await transaction.none('INSERT INTO author (name) VALUES ($1)', name)
        await meanwhile()
        for (const title of titles) {
          const text = 'INSERT INTO book (title, author) VALUES (${title}, ${name})'
          await transaction.none(text, { title, name })
        }
      })
    },
    find: (name) =>
      db.task(async (task) => {
        const author = await task.oneOrNone<{ name: string }>(
          'SELECT name FROM author WHERE name = $1',
          name,
        )
        const text = 'SELECT title FROM book WHERE author = $1'
        const titles = await task.map(text, name, ({ title }: { title: string }) => title)
        return author ? { name: author.name, titles } : undefined
      }),
    async account(statement) {
      const { account } = await db.one<{ account: string }>(statement)
      return account
    },
    async *titles() {
      const rows = new QueryStream('SELECT title FROM book', [], { batchSize: 1, highWaterMark: 1 })
      const over = db.stream(rows, () => {})
      for await (const { title } of rows as AsyncIterable<{ title: string }>) yield title
      await over
    },
    close: () => db.$pool.end(),
  }
}

const quiet = { noWarnings: true }

rotatesOnPostgres('pg-promise', {
  rekey({ server, credentials }) {
    const pgp = pgPromise(quiet)
    Object.assign(pgp, { pg: rotatingPg(credentials) })
    const connection = { ...server, rotation: { spread: 0 } }
    return serviceOn(pgp(connection))
  },
  plain: ({ server, account }) => serviceOn(pgPromise(quiet)({ ...server, ...account })),
})

test.each([
  ['a password', { password: 'secret' }, 'password'],
  [
    'a URL with one',
    { connectionString: 'postgres://me:secret@db.internal/app' },
    'connectionString',
  ],
])(
  'pg-promise with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const pgp = pgPromise(quiet)
    Object.assign(pgp, { pg: rotatingPg(stage.credentials) })
    const conflict = expect.objectContaining({ code: 'ERR_REKEY_CONFLICT', option })
    expect(() => pgp({ ...stage.address, ...beside })).toThrow(conflict)
    expect(stage.proxy.total).toBe(0)
  },
)
