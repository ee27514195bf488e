import fastifyPostgres from '@fastify/postgres'
import { rotatingPg } from '@rekey/pg'
import fastify from 'fastify'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'

async function serviceOn(options: fastifyPostgres.PostgresPluginOptions): Promise<Service> {
  const app = fastify()
  await app.register(fastifyPostgres, options)
  app.pg.pool.on('error', () => {})
  app.pg.pool.on('connect', (client) => client.on('error', () => {}))
  app.get<{ Querystring: { name: string } }>('/books', async ({ query: { name } }) => {
    const text = 'SELECT title FROM author JOIN book ON author = name WHERE name = $1'
    const { rows } = await app.pg.query<{ title: string }>(text, [name])
    return rows.map(({ title }) => title)
  })
  app.get('/account', { pg: { transact: true } }, async ({ pg }) => {
    const found = await pg?.query<{ account: string }>('SELECT session_user AS account')
    return found?.rows[0]
  })
  await app.ready()

  async function get<Answer>(url: string): Promise<Answer> {
    const answer = await app.inject(url)
    if (answer.statusCode === 200) return answer.json<Answer>()
    throw new Error(`${url} answered ${answer.statusCode}: ${answer.body}`)
  }

  return {
    async migrate(migrations) {
      // It has no tool for this.
      await app.pg.query('CREATE TABLE IF NOT EXISTS migrated (name text PRIMARY KEY)')
      for (const { name, statements } of migrations) {
        await app.pg.transact(async (client) => {
          const text = 'INSERT INTO migrated VALUES ($1) ON CONFLICT DO NOTHING'
          const { rowCount } = await client.query(text, [name])
          if (rowCount === 0) return
          for (const statement of statements) await client.query(statement)
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await app.pg.transact(async (client) => {
        await client.query('INSERT INTO author VALUES ($1)', [name])
        await meanwhile()
        for (const title of titles)
          await client.query('INSERT INTO book VALUES ($1, $2)', [title, name])
      })
    },
    async find(name) {
      const titles = await get<string[]>(`/books?name=${encodeURIComponent(name)}`)
      return titles.length === 0 ? undefined : { name, titles }
    },
    account: async () => (await get<{ account: string }>('/account')).account,
    close: () => app.close(),
  }
}

rotatesOnPostgres('@fastify/postgres', {
  rekey: ({ server, credentials }) => {
    const rotation = { spread: 0 }
    return serviceOn({ pg: rotatingPg(credentials), ...server, ...{ rotation } })
  },
  plain: ({ server, account }) => serviceOn({ ...server, ...account }),
})
