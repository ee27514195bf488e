import fastifyMysql, { type MySQLPromisePool } from '@fastify/mysql'
import mysql from '@rekey/mysql2/promise'
import fastify, { type FastifyInstance } from 'fastify'
import type { RowDataPacket } from 'mysql2'
import type { Service } from './library.ts'
import { rotatesOnMysql } from './mysql.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What the plugin's users have there, but for the functions of the driver's module. */
    mysql: Pick<MySQLPromisePool, 'query' | 'getConnection'>
  }
}

interface Row extends RowDataPacket {
  title: string
  account: string
}

type Work = (connection: Pick<MySQLPromisePool, 'query'>) => Promise<void>

async function serviceOn(app: FastifyInstance): Promise<Service> {
  app.get<{ Querystring: { name: string } }>('/books', async ({ query: { name } }) => {
    const sql = 'SELECT title FROM author JOIN book ON author = name WHERE name = ?'
    const [rows] = await app.mysql.query<Row[]>(sql, [name])
    return rows.map(({ title }) => title)
  })
  app.get<{ Querystring: { sql: string } }>('/account', async ({ query: { sql } }) => {
    const [[row]] = await app.mysql.query<Row[]>(sql)
    return row
  })
  await app.ready()

  async function get<Answer>(path: string, query: Record<string, string>): Promise<Answer> {
    const answer = await app.inject({ path, query })
    if (answer.statusCode === 200) return answer.json<Answer>()
    throw new Error(`${path} answered ${answer.statusCode}: ${answer.body}`)
  }

  async function inTransaction(work: Work): Promise<void> {
    const connection = await app.mysql.getConnection()
    try {
      await connection.beginTransaction()
      await work(connection)
      await connection.commit()
    } catch (error) {
      await connection.rollback()
      throw error
    } finally {
      connection.release()
    }
  }

  return {
    async migrate(migrations) {
      // It has no tool for this.
      await app.mysql.query('CREATE TABLE IF NOT EXISTS migrated (name varchar(64) PRIMARY KEY)')
      const [rows] = await app.mysql.query<Row[]>('SELECT name FROM migrated')
      for (const { name, statements } of migrations) {
        if (rows.some((row) => row['name'] === name)) continue
        await inTransaction(async (connection) => {
          for (const statement of statements) await connection.query(statement)
          await connection.query('INSERT INTO migrated VALUES (?)', [name])
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await inTransaction(async (connection) => {
        await connection.query('INSERT INTO author VALUES (?)', [name])
        await meanwhile()
        for (const title of titles)
          await connection.query('INSERT INTO book VALUES (?, ?)', [title, name])
      })
    },
    async find(name) {
      const titles = await get<string[]>('/books', { name })
      return titles.length === 0 ? undefined : { name, titles }
    },
    account: async (sql) => (await get<{ account: string }>('/account', { sql })).account,
    close: () => app.close(),
  }
}

rotatesOnMysql('Fastify', {
  async rekey({ server: { max: connectionLimit, ...server }, credentials }) {
    const rotation = { spread: 0 }
    const pool = mysql.createPool({ ...server, connectionLimit, credentials, rotation })
    const app = fastify()
    app.decorate('mysql', pool)
    app.addHook('onClose', () => pool.end())
    return { ...(await serviceOn(app)), drained: () => pool.drained() }
  },
  // The plugin makes a pool of the driver's own, and takes none.
  async plain({ server: { max: connectionLimit, ...server }, account }) {
    const app = fastify()
    await app.register(fastifyMysql, { promise: true, ...server, connectionLimit, ...account })
    return serviceOn(app)
  },
})
