import { Migration, Migrator } from '@mikro-orm/migrations'
import {
  defineEntity,
  MikroORM,
  p,
  type MigrationObject,
  type Options,
} from '@mikro-orm/postgresql'
import { attachRotation, type PoolRotation } from '@rekey/pg'
import type pg from 'pg'
import type { Opening, Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { postgresSchema, type Migration as Statements } from './schema.ts'

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

async function serviceOn({ server }: Opening, options: Options): Promise<Service> {
  const { max, database, ...at } = server
  const migrationsList = [postgresSchema.tables, postgresSchema.slow].map(migrationOf)
  const orm = await MikroORM.init({
    ...{ ...at, dbName: database, pool: { max }, entities: [Author, Book], logger() {} },
    ...{ extensions: [Migrator], migrations: { migrationsList, snapshot: false } },
    ...options,
  })
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
    async *titles() {
      for await (const { title } of orm.em.fork().stream(Book)) yield title
    },
    close: () => orm.close(),
  }
}

rotatesOnPostgres('mikro-orm', {
  async rekey(opening) {
    let rotation: PoolRotation | undefined
    const onPoolCreated = (pool: pg.Pool): void => {
      rotation = attachRotation(pool, opening.credentials, { spread: 0 })
    }
    const service = await serviceOn(opening, { driverOptions: { onPoolCreated } })
    return { ...service, drained: async () => rotation?.drained() }
  },
  plain: (opening) => serviceOn(opening, opening.account),
})
