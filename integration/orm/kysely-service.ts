import { CompiledQuery, sql, type Kysely } from 'kysely'
import type { jsonArrayFrom } from 'kysely/helpers/mysql'
import { Migrator } from 'kysely/migration'
import type { Service } from './library.ts'

export interface Tables {
  author: { name: string }
  book: { title: string; author: string }
}

/** The service on kysely, with its helper for the database that it is on. */
export function kyselyService(db: Kysely<Tables>, arrayFrom: typeof jsonArrayFrom): Service {
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
          arrayFrom(
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
