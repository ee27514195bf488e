import knex, { type Knex } from 'knex'
import type mysql from 'mysql2/promise'
import type pg from 'pg'
import type { Service } from './library.ts'

interface Book {
  title: string
  author: string
}

interface Row {
  account: string
}

/** The service on knex, whichever version of it, however it comes to its connections. */
export function knexService(db: Knex): Service {
  return {
    async migrate(migrations) {
      const migrationSource: Knex.MigrationSource<(typeof migrations)[number]> = {
        getMigrations: async () => [...migrations],
        getMigrationName: ({ name }) => name,
        getMigration: async ({ statements }) => ({
          async up(schema) {
            for (const statement of statements) await schema.raw(statement)
          },
          async down() {},
        }),
      }
      await db.migrate.latest({ migrationSource })
    },
    async add({ name, titles }, meanwhile) {
      await db.transaction(async (transaction) => {
        await transaction('author').insert({ name })
        await meanwhile()
        await transaction('book').insert(titles.map((title) => ({ title, author: name })))
      })
    },
    async find(name) {
      const books = await db<Book>('book')
        .join('author', 'author.name', 'book.author')
        .where('author.name', name)
        .select('title')
      return books.length === 0 ? undefined : { name, titles: books.map(({ title }) => title) }
    },
    async account(statement) {
      // As the driver answers: mysql2 with the rows, and what is known of their columns.
      const answer = await db.raw<{ rows: Row[] } | [Row[], unknown]>(statement)
      const [row] = 'rows' in answer ? answer.rows : answer[0]
      return row?.account ?? ''
    },
    async *titles() {
      // Outside of a transaction knex 3.3 gives the connection of a stream back twice, which ends the process.
      const transaction = await db.transaction()
      const books = transaction<Book>('book').select('title').stream({ highWaterMark: 1 })
      for await (const { title } of books as AsyncIterable<Book>) yield title
      await transaction.commit()
    },
    close: () => db.destroy(),
  }
}

/** Says nothing: in a control each request fails. */
export const log = { warn() {} }

/** knex on a pool that it leaves to whoever made it. */
export function knexOn(pool: pg.Pool | mysql.Pool): { db: Knex; service: Service } {
  const client = 'connect' in pool ? 'pg' : 'mysql2'
  const db = knex({ client, connectionPool: pool, log })
  const close = async (): Promise<void> => {
    await db.destroy()
    await pool.end()
  }
  return { db, service: { ...knexService(db), close } }
}
