import { DataTypes, QueryTypes, type Model, type Sequelize } from 'sequelize'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'

interface Author extends Model {
  name: string
  books: { title: string }[]
}

// Sequelize writes into what it is given.
const key = () => ({ type: DataTypes.STRING, primaryKey: true })

/** The service on Sequelize 6, whichever database it is on. */
export function sequelizeService(sequelize: Sequelize): Service {
  const tables = { freezeTableName: true, timestamps: false }
  const Author = sequelize.define<Author>('author', { name: key() }, tables)
  const Book = sequelize.define('book', { title: key() }, tables)
  Author.hasMany(Book, { foreignKey: 'author', as: 'books' })
  return {
    async migrate(migrations) {
      // As its command line does: a table of names, and its query interface.
      await sequelize.query('CREATE TABLE IF NOT EXISTS migrated (name varchar(64))')
      const text = 'SELECT name FROM migrated'
      const done = await sequelize.query<{ name: string }>(text, { type: QueryTypes.SELECT })
      for (const { name, statements } of migrations) {
        if (done.some((migration) => migration.name === name)) continue
        await sequelize.transaction(async (transaction) => {
          for (const statement of statements) await sequelize.query(statement, { transaction })
          await sequelize.getQueryInterface().bulkInsert('migrated', [{ name }], { transaction })
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

/** Rotates once, and resolves when the old session has left while it was used, and the instance is closed. */
export async function goesOver(sequelize: Sequelize, stage: Stage): Promise<void> {
  await sequelize.query('SELECT 1')
  await stage.rotate()
  await until('the old session to end', async () => {
    await sequelize.query('SELECT 1')
    return (await stage.place.sessions(stage.other.user)).length === 0
  })
  await sequelize.close()
}
