import { defineEntity, p } from '@mikro-orm/core'
import { Migration, Migrator } from '@mikro-orm/migrations'
import type { MigrationObject, SqlEntityManager } from '@mikro-orm/postgresql'
import type { Opening, Service } from '../library.ts'
import type { Schema, Migration as Statements } from '../schema.ts'

const Author = defineEntity({
  name: 'Author',
  properties: {
    name: p.string().primary(),
    books: () => p.oneToMany(Book).mappedBy('author'),
  },
})
const Book = defineEntity({
  name: 'Book',
  properties: {
    title: p.string().primary(),
    author: () => p.manyToOne(Author).fieldName('author'),
  },
})

function migrationOf({ name, statements }: Statements): MigrationObject {
  class Written extends Migration {
    up(): void {
      for (const statement of statements) this.addSql(statement)
    }
  }
  return { name, class: Written }
}

/** What MikroORM is started with, but for the way to its connections. */
export function ormOptions({ server: { max, database, ...at } }: Opening, schema: Schema) {
  const migrationsList = [schema.tables, schema.slow].map(migrationOf)
  return {
    ...{ ...at, dbName: database, pool: { max }, entities: [Author, Book], logger() {} },
    ...{ extensions: [Migrator], migrations: { migrationsList, snapshot: false } },
  }
}

interface Orm {
  readonly em: { fork(): SqlEntityManager }
  readonly migrator: { up(name?: string): Promise<unknown> }
  close(): Promise<void>
}

/** The service on MikroORM 6, whichever database it is on. */
export function mikroOrm6Service(orm: Orm): Service {
  return {
    async migrate(migrations) {
      await orm.migrator.up(migrations.at(-1)?.name)
    },
    async add({ name, titles }, meanwhile) {
      await orm.em.fork().transactional(async (em) => {
        const author = em.create(Author, { name })
        await em.flush()
        await meanwhile()
        for (const title of titles) em.create(Book, { title, author })
      })
    },
    async find(name) {
      const found = await orm.em.fork().findOne(Author, name, { populate: ['books'] })
      return found ? { name, titles: found.books.map(({ title }) => title) } : undefined
    },
    async account(statement) {
      const rows = await orm.em.fork().execute<{ account: string }[]>(statement)
      return rows[0]?.account ?? ''
    },
    close: () => orm.close(),
  }
}
