import { sequelizeRotation } from '@rekey/pg/sequelize'
import { DataTypes, QueryTypes, Sequelize, type Model } from 'sequelize'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'

interface Author extends Model {
  name: string
  books: { title: string }[]
}

// Sequelize writes into what it is given.
const key = () => ({ type: DataTypes.STRING, primaryKey: true })

function serviceOn(sequelize: Sequelize): Service {
  const tables = { freezeTableName: true, timestamps: false }
  const Author = sequelize.define<Author>('author', { name: key() }, tables)
  const Book = sequelize.define('book', { title: key() }, tables)
  Author.hasMany(Book, { foreignKey: 'author', as: 'books' })
  return {
    async migrate(migrations) {
      // As its command line does: a table of names, and its query interface.
      await sequelize.query('CREATE TABLE IF NOT EXISTS "SequelizeMeta" (name text)')
      const text = 'SELECT name FROM "SequelizeMeta"'
      const done = await sequelize.query<{ name: string }>(text, { type: QueryTypes.SELECT })
      for (const { name, statements } of migrations) {
        if (done.some((migration) => migration.name === name)) continue
        await sequelize.transaction(async (transaction) => {
          for (const statement of statements) await sequelize.query(statement, { transaction })
          await sequelize
            .getQueryInterface()
            .bulkInsert('SequelizeMeta', [{ name }], { transaction })
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await sequelize.transaction(async (transaction) => {
        await Author.create({ name }, { transaction })
        await meanwhile()
        const books = titles.map((title) => ({ title, author: name }))
        await Book.bulkCreate(books, { transaction })
      })
    },
    async find(name) {
      const found = await Author.findByPk(name, { include: 'books' })
      return found ? { name, titles: found.books.map(({ title }) => title) } : undefined
    },
    async account(statement) {
      const rows = await sequelize.query<{ account: string }>(statement, {
        type: QueryTypes.SELECT,
      })
      return rows[0]?.account ?? ''
    },
    close: () => sequelize.close(),
  }
}

const postgres = { dialect: 'postgres', logging: false } as const

rotatesOnPostgres('sequelize', {
  rekey({ server: { max, ...server }, credentials }) {
    // So that those which nobody takes leave soon.
    const pool = { max, idle: 200, evict: 50 }
    const options = { ...postgres, ...server, pool }
    return serviceOn(new Sequelize(sequelizeRotation(credentials, options, { spread: 0 })))
  },
  plain: ({ server: { max, ...server }, account: { user: username, password } }) =>
    serviceOn(new Sequelize({ ...postgres, ...server, username, password, pool: { max } })),
})

test('sequelize with a password in its URL fails before it connects', async () => {
  await using stage = await openStage()
  const { host, port, database } = stage.address
  const options = sequelizeRotation(stage.credentials, { ...postgres, database })
  const url = `postgres://me:secret@${host}:${port}/${database}`
  const sequelize = new Sequelize(url, options)
  await expect(sequelize.query('SELECT 1')).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT' })
  expect(stage.proxy.open).toBe(0)
  await sequelize.close()
})
