import type { Knex } from 'knex'
import type mysql from 'mysql2/promise'
import { Model } from 'objection'
import type pg from 'pg'
import { knexOn } from './knex-service.ts'
import type { Service } from './library.ts'

class Book extends Model {
  static override tableName = 'book'
  static override idColumn = 'title'
  declare title: string
  declare author: string
}

class Author extends Model {
  static override tableName = 'author'
  static override idColumn = 'name'
  static override relationMappings = {
    books: {
      relation: Model.HasManyRelation,
      modelClass: Book,
      join: { from: 'author.name', to: 'book.author' },
    },
  }
  declare name: string
  declare books: Book[]
}

function modelService(db: Knex): Pick<Service, 'add' | 'find'> {
  return {
    async add({ name, titles }, meanwhile) {
      await Author.transaction(db, async (transaction) => {
        const author = await Author.query(transaction).insert({ name })
        await meanwhile()
        for (const title of titles) {
          await author.$relatedQuery<Book>('books', transaction).insert({ title })
        }
      })
    },
    async find(name) {
      const found = await Author.query(db).findById(name).withGraphFetched('books')
      return found && { name: found.name, titles: found.books.map(({ title }) => title) }
    },
  }
}

/** The service on objection's models, over knex on a pool. */
export function objectionService(pool: pg.Pool | mysql.Pool): Service {
  const { db, service } = knexOn(pool)
  return { ...service, ...modelService(db) }
}
