import { relations, sql } from 'drizzle-orm'
import { mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle } from 'drizzle-orm/mysql2'
import { migrate } from 'drizzle-orm/mysql2/migrator'
import type mysql from 'mysql2'
import { withMigrations } from './drizzle-migrations.ts'
import type { Service } from './library.ts'
import { rotatesOnMysql, withMysqlPool } from './mysql.ts'

const author = mysqlTable('author', { name: varchar({ length: 64 }).primaryKey() })
const book = mysqlTable('book', {
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

function serviceOn(pool: mysql.Pool): Service {
  const db = drizzle(pool, { schema, mode: 'default' })
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
      // By its types, `execute` gives no rows here.
      const answer = sql.raw(`(${statement}) AS answer`)
      const [row] = await db.select({ account: sql<string>`account` }).from(answer)
      return row?.account ?? ''
    },
    async *titles() {
      for await (const { title } of db.select().from(book).iterator()) yield title
    },
    // It leaves the pool to whoever made it.
    close: () => db.$client.promise().end(),
  }
}

rotatesOnMysql('drizzle', withMysqlPool(serviceOn))
