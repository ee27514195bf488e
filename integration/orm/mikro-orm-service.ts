import type * as core from '@mikro-orm/core'
import type * as migrations from '@mikro-orm/migrations'
import type { SqlEntityManager } from '@mikro-orm/postgresql'
import type { Opening, Service } from './library.ts'
import type { Schema, Migration as Statements } from './schema.ts'

export type Core = Pick<typeof core, 'defineEntity' | 'p'>
export type Migrations = Pick<typeof migrations, 'Migration' | 'Migrator'>

interface Orm {
  readonly em: { fork(): SqlEntityManager }
  readonly migrator: { up(name?: string): Promise<unknown> }
  close(): Promise<void>
}

/** The service on one version of MikroORM, whichever database it is on. */
export function mikroOrm({ defineEntity, p }: Core, { Migration, Migrator }: Migrations) {
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

  function migrationOf({ name, statements }: Statements): core.MigrationObject {
    class Written extends Migration {
      up(): void {
        for (const statement of statements) this.addSql(statement)
      }
    }
    return { name, class: Written }
  }

  return {
    /** What it is started with, but for the way to its connections. */
    ormOptions: ({ server: { max, database, ...at } }: Opening, schema: Schema) => {
      const migrationsList = [schema.tables, schema.slow].map(migrationOf)
      return {
        ...{ ...at, dbName: database, pool: { max }, entities: [Author, Book], logger() {} },
        ...{ extensions: [Migrator], migrations: { migrationsList, snapshot: false } },
      }
    },

    serviceOn: (orm: Orm): Service => ({
      async migrate(wanted) {
        await orm.migrator.up(wanted.at(-1)?.name)
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
      async *titles() {
        for await (const { title } of orm.em.fork().stream(Book)) yield title
      },
      close: () => orm.close(),
    }),
  }
}
