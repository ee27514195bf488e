import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { expectEqual } from '../expect-equal.ts'
import type { Units } from '../target.ts'

/** The units of work on a pool that may be another one at each call. */
export function postgresUnits(pool: () => pg.Pool, schema: string): Units {
  return {
    async query() {
      const { rows } = await pool().query<{ account: string; echo: number }>(
        'SELECT session_user AS account, $1::int AS echo',
        [42],
      )
      expectEqual(rows[0]?.echo, 42, 'the answer to a query')
      return rows[0]?.account ?? ''
    },

    transaction() {
      return inTransaction(pool(), schema, async (client) => {
        await client.query('SELECT pg_sleep(0.03)')
      })
    },

    hold(milliseconds, onHeld) {
      return inTransaction(pool(), schema, async (client) => {
        onHeld()
        const until = performance.now() + milliseconds
        while (performance.now() < until) await client.query('SELECT pg_sleep(0.05)')
      })
    },

    stream(milliseconds, onHeld) {
      return withClient(pool(), async (client) => {
        const account = await accountOf(client)
        const rows = Math.ceil(milliseconds / 10)
        // A batch of one makes the server wait for the reader: the stream is open all the time.
        const stream = new QueryStream(
          'SELECT row, pg_sleep(0.01) FROM generate_series(1, $1::int) AS row',
          [rows],
          { batchSize: 1, highWaterMark: 1 },
        )
        let read = 0
        await whileConnected(client, async () => {
          for await (const { row } of client.query(stream) as AsyncIterable<{ row: number }>) {
            if (read === 0) onHeld()
            read += 1
            expectEqual(row, read, 'the row of a stream')
          }
        })
        expectEqual(read, rows, 'the length of a stream')
        return account
      })
    },
  }
}

/** Writes, works, and reads back within one transaction, which must have stayed on one backend and must commit. */
async function inTransaction(
  pool: pg.Pool,
  schema: string,
  work: (client: pg.ClientBase) => Promise<void>,
): Promise<string> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN')
    const written = await client.query<{ id: string; backend: number }>(
      `INSERT INTO ${schema}.ledger (account) VALUES (session_user) RETURNING id, pg_backend_pid() AS backend`,
    )
    await work(client)
    const read = await client.query<{ account: string; backend: number }>(
      `SELECT account, pg_backend_pid() AS backend FROM ${schema}.ledger WHERE id = $1`,
      [written.rows[0]?.id],
    )
    expectEqual(read.rows[0]?.backend, written.rows[0]?.backend, 'the backend of a transaction')
    // The COMMIT of an aborted transaction resolves, and its tag says ROLLBACK.
    const { command } = await client.query('COMMIT')
    expectEqual(command, 'COMMIT', 'the end of a transaction')
    return read.rows[0]?.account ?? ''
  })
}

async function withClient(
  pool: pg.Pool,
  work: (client: pg.ClientBase) => Promise<string>,
): Promise<string> {
  const client = await borrow(pool)
  try {
    const account = await work(client)
    client.off('error', heard)
    client.release()
    return account
  } catch (error) {
    client.release(true)
    throw error
  }
}

/**
 * A stock client that is lent crashes the process when its backend is killed and nobody listens. Whoever waits for a promise
 * listens too late: the client may be handed over, and the server's last word to it read, in one go.
 */
function borrow(pool: pg.Pool): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) return reject(error)
      client.on('error', heard)
      resolve(client)
    })
  })
}

function heard(): void {}

/** A stream of the driver whose connection is lost waits for ever for the server to be ready again. */
async function whileConnected(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  const { promise: lost, reject } = Promise.withResolvers<never>()
  const onEnd = (): void => reject(new Error('The connection was lost in the middle of a stream.'))
  client.once('end', onEnd)
  try {
    await Promise.race([work(), lost])
  } finally {
    client.off('end', onEnd)
  }
}

async function accountOf(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ account: string }>('SELECT session_user AS account')
  return rows[0]?.account ?? ''
}
