import { relations, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { pgTable, varchar } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { withMigrations } from './drizzle-migrations.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

const author = pgTable('author', { name: varchar({ length: 64 }).primaryKey() })
const book = pgTable('book', {
  title: varchar({ length: 64 }).primaryKey(),
  author: varchar({ length: 64 }).notNull(),
})
const schema = {
  author,
  book,
  authorBooks: relations(author, ({ many }) => ({ books: many(book) })),
  bookAuthor: relations(book, ({ one }) => ({
    author: one(author, { fields: [book.author], references: [author.name] }),
  })),
}

function serviceOn(pool: pg.Pool): Service {
  const db = drizzle(pool, { schema })
  return {
    async migrate(migrations) {
      await withMigrations(migrations, (config) => migrate(db, config))
    },
    async add({ name, titles }, meanwhile) {
      await db.transaction(async (transaction) => {
        await transaction.insert(author).values({ name })
        await meanwhile()
        await transaction.insert(book).values(titles.map((title) => ({ title, author: name })))
      })
    },
    async find(name) {
      const found = await db.query.author.findFirst({
        where: (authors, { eq }) => eq(authors.name, name),
        with: { books: true },
      })
      return found && { name, titles: found.books.map(({ title }) => title) }
    },
    async account(statement) {
      const { rows } = await db.execute<{ account: string }>(sql.raw(statement))
      return rows[0]?.account ?? ''
    },
    // It leaves the pool to whoever made it.
    close: () => db.$client.end(),
  }
}

rotatesOnPostgres('drizzle', withPool(serviceOn))
