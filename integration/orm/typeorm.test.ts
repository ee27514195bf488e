import { rotatingPg } from '@rekey/pg'
import { DataSource, EntitySchema, type DataSourceOptions } from 'typeorm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'

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
const entities = [author, book]

async function serviceOn(options: DataSourceOptions): Promise<Service> {
  const source = await new DataSource(options).initialize()
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

rotatesOnPostgres('typeorm', {
  rekey: ({ server: { max, ...server }, credentials }) =>
    serviceOn({
      type: 'postgres',
      driver: rotatingPg(credentials),
      ...server,
      poolSize: max,
      entities,
      extra: { rotation: { spread: 0 } },
    }),
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    serviceOn({ type: 'postgres', ...server, username, password, poolSize: max, entities }),
})

test('typeorm rotates the pool of a replica too, and asks the store once for both', async () => {
  await using stage = await openStage({ sessions: 4 })
  const { address, credentials, place, store } = stage
  const { database, ...server } = address
  const source = await new DataSource({
    type: 'postgres',
    driver: rotatingPg(credentials),
    replication: { master: { ...server, database }, slaves: [{ ...server, database }] },
    poolSize: 2,
    extra: { rotation: { spread: 0 } },
  }).initialize()
  expect(await place.sessions(stage.account.user)).toHaveLength(2)
  const { loads } = store
  await stage.rotate()
  await until('both to go over', async () => {
    const sessions = await place.sessions()
    return sessions.length === 2 && sessions.every(({ user }) => user === stage.account.user)
  })
  expect(store.loads).toBe(loads + 1)
  await source.query('SELECT 1')
  await source.destroy()
})

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a URL with one', { url: 'postgres://me:secret@db.internal/app' }, 'connectionString'],
])(
  'typeorm with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const driver = rotatingPg(stage.credentials)
    const source = new DataSource({ type: 'postgres', driver, ...stage.address, ...beside })
    await expect(source.initialize()).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
  },
)
