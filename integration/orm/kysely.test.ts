import { Pool } from '@rekey/pg'
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import { Migrator } from 'kysely/migration'
import type pg from 'pg'
import Cursor from 'pg-cursor'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

interface Tables {
  author: { name: string }
  book: { title: string; author: string }
}

function serviceOn(pool: pg.Pool): Service {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
  return {
    async migrate(migrations) {
      const provider = {
        getMigrations: async () =>
          Object.fromEntries(
            migrations.map(({ name, statements }) => [
              name,
              {
                async up(schema: Kysely<unknown>) {
                  for (const statement of statements) await sql.raw(statement).execute(schema)
                },
              },
            ]),
          ),
      }
      const { error } = await new Migrator({ db, provider }).migrateToLatest()
      if (error) throw error
    },
    async add({ name, titles }, meanwhile) {
      await db.transaction().execute(async (transaction) => {
        await transaction.insertInto('author').values({ name }).execute()
        await meanwhile()
        const books = titles.map((title) => ({ title, author: name }))
        await transaction.insertInto('book').values(books).execute()
      })
    },
    async find(name) {
      const found = await db
        .selectFrom('author')
        .select((author) => [
          'name',
          jsonArrayFrom(
            author.selectFrom('book').select('title').whereRef('book.author', '=', 'author.name'),
          ).as('books'),
        ])
        .where('name', '=', name)
        .executeTakeFirst()
      return found && { name: found.name, titles: found.books.map(({ title }) => title) }
    },
    async account(statement) {
      const { rows } = await db.executeQuery<{ account: string }>(CompiledQuery.raw(statement))
      return rows[0]?.account ?? ''
    },
    async *titles() {
      for await (const { title } of db.selectFrom('book').select('title').stream(1)) yield title
    },
    close: () => db.destroy(),
  }
}

rotatesOnPostgres('kysely', withPool(serviceOn))

test('kysely cancels a query of an older version over a client with the newest', async () => {
  await using stage = await openStage({ sessions: 3 })
  const { address, credentials } = stage
  const pool = new Pool({ ...address, credentials, max: 2, rotation: { spread: 0 } })
  await using db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const abort = new AbortController()
  const signal = abort.signal
  // The first leaves a connection idle, which the second takes at once; when the third is served, the second is running.
  await sql`SELECT 1`.execute(db)
  const sleeping = sql`SELECT pg_sleep(30)`
    .execute(db, { signal, inflightQueryAbortStrategy: 'cancel query' })
    .catch((error: Error) => error.message)
  await sql`SELECT 1`.execute(db)
  await stage.rotate()
  await stage.place.revoke(stage.other)
  abort.abort(new Error('Nobody waits any more'))
  expect(await sleeping).toContain('Nobody waits any more')
  // The connection is free only when the server has stopped the query.
  await pool.drained()
})
