import { createCredentials, type Source } from '@rekey/core'
import { Pool } from '@rekey/pg'
import fastify from 'fastify'

/** An HTTP service on PostgreSQL. Where its credentials come from is all that differs from one place to the next. */
export async function startService(source: Source): Promise<void> {
  const { DATABASE_URL, HOST = '0.0.0.0', PORT = '8080', ROTATION_SPREAD = '60000' } = process.env
  const app = fastify({ logger: true, disableRequestLogging: true })

  const credentials = createCredentials(source, { overlap: 60 * 60 * 1000 })
  const pool = new Pool({
    connectionString: DATABASE_URL, // without user and password
    max: 10,
    credentials,
    rotation: { spread: Number(ROTATION_SPREAD) }, // milliseconds
  })
  pool.on('error', (error) => app.log.error(error))
  pool.on('drained', ({ version }) => app.log.info({ version }, 'drained'))

  app.get<{ Params: { id: string } }>('/products/:id', async ({ params: { id } }) => {
    const text = 'SELECT count(*)::int AS ordered FROM orders WHERE product = $1'
    const { rows } = await pool.query<{ ordered: number }>(text, [id])
    return { id, ...rows[0] }
  })

  app.post<{ Params: { id: string } }>('/products/:id/orders', async ({ params: { id } }) => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('INSERT INTO orders (product) VALUES ($1)', [id])
      await client.query('INSERT INTO deliveries (product) VALUES ($1)', [id])
      await client.query('COMMIT')
      client.release()
    } catch (error) {
      client.release(true) // with its transaction
      throw error
    }
    return { id }
  })

  app.get('/health', async () => {
    const { rows } = await pool.query<{ user: string }>('SELECT session_user AS user')
    return rows[0]
  })

  app.addHook('onClose', async () => {
    await pool.end()
    await credentials.close()
  })
  process.once('SIGTERM', () => void app.close())
  await app.listen({ host: HOST, port: Number(PORT) })
}
