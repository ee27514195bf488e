import type { PoolConnection as CoreConnection } from 'mysql2'
import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import { expectEqual } from '../expect-equal.ts'
import type { Units } from '../target.ts'

/** Who is served, and by which connection, by the server's own word. */
interface Served {
  account: string
  session: number
}

type Rows<Row> = (Row & RowDataPacket)[]

/** As it has logged in, without the host that it comes from. */
const account = "SUBSTRING_INDEX(USER(), '@', 1)"

/** Milliseconds between two rows of a stream. */
const rowEvery = 20

/** More than the server holds back to send several rows at once. */
const filler = 16_384

/** The units of work on a pool that may be another one at each call. */
export function mysqlUnits(pool: () => Pool): Units {
  return {
    async query() {
      const [[row]] = await pool().query<Rows<Served & { echo: number }>>(
        `SELECT ${account} AS account, ? AS echo`,
        [42],
      )
      expectEqual(row?.echo, 42, 'the answer to a query')
      return row?.account ?? ''
    },

    transaction() {
      return inTransaction(pool(), async (connection) => {
        await connection.query('DO SLEEP(0.03)')
      })
    },

    hold(milliseconds, onHeld) {
      return inTransaction(pool(), async (connection) => {
        onHeld()
        const until = performance.now() + milliseconds
        while (performance.now() < until) await connection.query('DO SLEEP(0.05)')
      })
    },

    stream(milliseconds, onHeld) {
      return withConnection(pool(), async (connection) => {
        const rows = Math.ceil(milliseconds / rowEvery)
        // That which has streams; the driver's types take it for one with promises.
        const core = connection.connection as unknown as CoreConnection
        const query = core.query(
          `WITH RECURSIVE numbers (number) AS
            (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
          SELECT number, ${account} AS account, CONNECTION_ID() AS session, SLEEP(?) AS slept,
            REPEAT(' ', ?) AS filler FROM numbers`,
          [rows, rowEvery / 1000, filler],
        )
        const stream = query.stream({ highWaterMark: 1 })
        let read = 0
        let served = ''
        await whileConnected(core, async () => {
          for await (const row of stream as AsyncIterable<Served & { number: number }>) {
            if (read === 0) onHeld()
            read += 1
            expectEqual(row.number, read, 'the row of a stream')
            expectEqual(row.session, connection.threadId, 'the connection of a stream')
            served = row.account
          }
        })
        expectEqual(read, rows, 'the length of a stream')
        return served
      })
    },
  }
}

/** Writes, works, and reads back within one transaction, which must have stayed on one connection and must commit. */
function inTransaction(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<void>,
): Promise<string> {
  return withConnection(pool, async (connection) => {
    await connection.beginTransaction()
    const [written] = await connection.execute<ResultSetHeader>(
      `INSERT INTO ledger (account, session) VALUES (${account}, CONNECTION_ID())`,
    )
    await work(connection)
    const [[read]] = await connection.execute<Rows<Served & { now: number }>>(
      `SELECT account, session, CONNECTION_ID() AS now FROM ledger WHERE id = ?`,
      [written.insertId],
    )
    expectEqual(read?.session, connection.threadId, 'the connection that a transaction began on')
    expectEqual(read?.now, connection.threadId, 'the connection that a transaction ended on')
    await connection.commit()
    return read?.account ?? ''
  })
}

/** A stream of the driver whose connection is lost may wait for its next row for ever. */
async function whileConnected(
  connection: CoreConnection,
  work: () => Promise<void>,
): Promise<void> {
  const { promise: lost, reject } = Promise.withResolvers<never>()
  const onEnd = (): void => reject(new Error('The connection was lost in the middle of a stream.'))
  connection.once('end', onEnd)
  try {
    await Promise.race([work(), lost])
  } finally {
    connection.off('end', onEnd)
  }
}

async function withConnection(
  pool: Pool,
  work: (connection: PoolConnection) => Promise<string>,
): Promise<string> {
  const connection = await pool.getConnection()
  try {
    const served = await work(connection)
    connection.release()
    return served
  } catch (error) {
    connection.destroy()
    throw error
  }
}
