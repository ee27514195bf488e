import { EntitySchema, type DataSource } from 'typeorm'
import type { Service } from './library.ts'

interface Author {
  name: string
  books: { title: string }[]
}

const book = new EntitySchema<{ title: string; author: Author }>({
  name: 'book',
  columns: { title: { type: String, primary: true } },
  relations: {
    author: { type: 'many-to-one', target: 'author', joinColumn: { name: 'author' } },
  },
})
const author = new EntitySchema<Author>({
  name: 'author',
  columns: { name: { type: String, primary: true } },
  relations: { books: { type: 'one-to-many', target: 'book', inverseSide: 'author' } },
})
export const entities = [author, book]

export function typeormService(source: DataSource): Service {
  return {
    async migrate(migrations) {
      const written = migrations.map(({ name, statements }, index) => ({
        // It wants the time of its making in the name.
        name: `${name}${1_700_000_000_000 + index}`,
        async up(runner: { query(statement: string): Promise<unknown> }) {
          for (const statement of statements) await runner.query(statement)
        },
        async down() {},
      }))
      source.migrations.splice(0, Infinity, ...written)
      await source.runMigrations()
    },
    async add({ name, titles }, meanwhile) {
      await source.transaction(async (manager) => {
        const added = await manager.save(author, { name })
        await meanwhile()
        for (const title of titles) await manager.save(book, { title, author: added })
      })
    },
    async find(name) {
      const found = await source
        .getRepository(author)
        .findOne({ where: { name }, relations: { books: true } })
      return found ? { name, titles: found.books.map(({ title }) => title) } : undefined
    },
    async account(statement) {
      const [row] = await source.query<{ account: string }[]>(statement)
      return row?.account ?? ''
    },
    async *titles() {
      const books = source.createQueryBuilder(book, 'book').select('title', 'title')
      const rows: AsyncIterable<{ title: string }> = await books.stream()
      for await (const { title } of rows) yield title
    },
    close: () => source.destroy(),
  }
}
