import { Readable } from 'node:stream'
import type { Connection as CoreConnection } from 'mysql2'
import type { PoolConnection, RowDataPacket } from 'mysql2/promise'
import { expect } from 'vitest'
import type { Hold } from '../contract/adapter.ts'
import { numberFrom } from './asking.ts'

/** What a connection of mysql2 can be in the middle of. */
export const holds: Readonly<Record<string, Hold<PoolConnection>>> = {
  async 'a transaction'(connection) {
    await connection.query('CREATE TABLE ledger (entry int)')
    await connection.beginTransaction()
    let entries = 0
    const count = 'SELECT count(*) AS number FROM ledger'
    return {
      async check() {
        entries += 1
        await connection.query('INSERT INTO ledger VALUES (?)', [entries])
        expect(await numberFrom(connection, count)).toBe(entries)
      },
      async finish() {
        await connection.commit()
        expect(await numberFrom(connection, count)).toBe(entries)
      },
    }
  },

  async GET_LOCK(connection) {
    // Its name is the server's, not the database's.
    const name = 'concat(database(), ".lock")'
    expect(await numberFrom(connection, `SELECT GET_LOCK(${name}, 0) AS number`)).toBe(1)
    return {
      async check() {
        const mine = `SELECT IS_USED_LOCK(${name}) = CONNECTION_ID() AS number`
        expect(await numberFrom(connection, mine)).toBe(1)
      },
      async finish() {
        expect(await numberFrom(connection, `SELECT RELEASE_LOCK(${name}) AS number`)).toBe(1)
      },
    }
  },

  async 'a temporary table'(connection) {
    await connection.query('CREATE TEMPORARY TABLE notes (note int)')
    let notes = 0
    const add = async (): Promise<void> => {
      notes += 1
      await connection.query('INSERT INTO notes VALUES (?)', [notes])
      expect(await numberFrom(connection, 'SELECT count(*) AS number FROM notes')).toBe(notes)
    }
    return { check: add, finish: add }
  },

  async 'session variables'(connection) {
    await connection.query('SET @mine = 7, lock_wait_timeout = 77')
    const check = async (): Promise<void> => {
      const sum = 'SELECT @mine + @@session.lock_wait_timeout AS number'
      expect(await numberFrom(connection, sum)).toBe(84)
    }
    return { check, finish: check }
  },

  async 'a prepared statement'(connection) {
    const statement = await connection.prepare('SELECT ? + 1 AS number')
    let given = 0
    const check = async (): Promise<void> => {
      const [rows] = await statement.execute([(given += 1)])
      expect(rows).toMatchObject([{ number: given + 1 }])
    }
    return {
      check,
      async finish() {
        await check()
        await statement.close()
      },
    }
  },

  async 'a running query().stream()'(connection) {
    // More than the sockets between us and the server can hold.
    const all = 200_000
    await connection.query('SET @n = 0')
    const stream = core(connection)
      .query(
        `WITH RECURSIVE ten AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM ten WHERE n < 10)
         SELECT (@n := @n + 1) AS n, repeat('x', 100) AS filling
         FROM ten a, ten b, ten c, ten d, ten e, (SELECT 1 UNION ALL SELECT 2) f`,
      )
      .stream({ highWaterMark: 5 })
    const rows = stream[Symbol.asyncIterator]() as AsyncIterator<RowDataPacket>
    let read = 0
    const readSome = async (): Promise<void> => {
      for (let row = 0; row < 50; row += 1) {
        const { value } = await rows.next()
        expect(Number((value as RowDataPacket)['n'])).toBe((read += 1))
      }
    }
    await readSome()
    return {
      check: readSome,
      async finish() {
        expect(read).toBeLessThan(all)
        while (!(await rows.next()).done) read += 1
        expect(read).toBe(all)
      },
    }
  },

  async 'LOAD DATA LOCAL INFILE from a stream'(connection) {
    await connection.query('CREATE TABLE loaded (n int)')
    const lines = new Readable({ read() {} })
    const loading = connection.query({
      sql: "LOAD DATA LOCAL INFILE 'a stream' INTO TABLE loaded",
      infileStreamFactory: () => lines,
    } as { sql: string })
    let written = 0
    const write = async (): Promise<void> => void lines.push(`${(written += 1)}\n`)
    await write()
    return {
      check: write,
      async finish() {
        lines.push(null)
        await loading
        expect(await numberFrom(connection, 'SELECT sum(n) AS number FROM loaded')).toBe(10)
      },
    }
  },

  async 'a statement that runs'(connection) {
    const statement = connection.query("SELECT sleep(0.5), 'done' AS state")
    return {
      check: async () => {},
      async finish() {
        const [rows] = await statement
        expect(rows).toMatchObject([{ state: 'done' }])
      },
    }
  },
}

/** The driver's connection of callbacks, which has streams. */
function core({ connection }: PoolConnection): CoreConnection {
  return connection as unknown as CoreConnection
}
