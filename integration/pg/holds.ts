import { once } from 'node:events'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { expect } from 'vitest'
import type { Hold } from '../contract/adapter.ts'

/** What a connection of pg can be in the middle of. */
export const holds: Readonly<Record<string, Hold<pg.PoolClient>>> = {
  async 'a transaction'(client) {
    await client.query('CREATE TABLE ledger (entry int)')
    await client.query('BEGIN')
    let entries = 0
    return {
      async check() {
        entries += 1
        await client.query('INSERT INTO ledger VALUES ($1)', [entries])
        const { rows } = await client.query('SELECT count(*)::int AS entries FROM ledger')
        expect(rows).toEqual([{ entries }])
      },
      async finish() {
        await client.query('COMMIT')
        const { rows } = await client.query('SELECT count(*)::int AS entries FROM ledger')
        expect(rows).toEqual([{ entries }])
      },
    }
  },

  async 'a cursor'(client) {
    const cursor = client.query(
      new Cursor<{ n: number }>('SELECT generate_series(1, 100)::int AS n'),
    )
    let read = 0
    const readTen = async (): Promise<void> => {
      for (const { n } of await cursor.read(10)) expect(n).toBe((read += 1))
    }
    await readTen()
    return {
      check: readTen,
      async finish() {
        expect(read).toBe(40)
        await cursor.close()
      },
    }
  },

  async 'a query stream'(client) {
    const stream = client.query(
      new QueryStream('SELECT generate_series(1, 400)::int AS n', [], { highWaterMark: 5 }),
    )
    const rows = (stream as AsyncIterable<{ n: number }>)[Symbol.asyncIterator]()
    let read = 0
    const readSome = async (): Promise<void> => {
      for (let row = 0; row < 50; row += 1) {
        const next = await rows.next()
        expect(next).toEqual({ done: false, value: { n: (read += 1) } })
      }
    }
    await readSome()
    return {
      check: readSome,
      async finish() {
        while (!(await rows.next()).done) read += 1
        expect(read).toBe(400)
      },
    }
  },

  async 'COPY into the server'(client) {
    await client.query('CREATE TABLE copied (n int)')
    const into = client.query(copyFrom('COPY copied FROM STDIN'))
    let written = 0
    const write = async (): Promise<void> => {
      written += 1
      if (!into.write(`${written}\n`)) await once(into, 'drain')
    }
    await write()
    return {
      check: write,
      async finish() {
        into.end()
        await once(into, 'finish')
        const { rows } = await client.query('SELECT sum(n)::int AS sum FROM copied')
        expect(rows).toEqual([{ sum: 10 }])
      },
    }
  },

  async 'COPY out of the server'(client) {
    // More than the sockets between us and the server can hold.
    const rows = 400_000
    const out = client.query(copyTo(`COPY (SELECT generate_series(1, ${rows})) TO STDOUT`))
    const chunks = (out as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
    let lines = 0
    const read = async (): Promise<boolean> => {
      const { done, value } = await chunks.next()
      if (!done) lines += value.toString().split('\n').length - 1
      return !done
    }
    await read()
    return {
      async check() {
        expect(await read()).toBe(true)
        expect(lines).toBeLessThan(rows)
      },
      async finish() {
        while (await read());
        expect(lines).toBe(rows)
      },
    }
  },

  async LISTEN(client) {
    let heard = 0
    client.on('notification', () => (heard += 1))
    await client.query('LISTEN news')
    const notify = async (): Promise<void> => {
      const before = heard
      await client.query('NOTIFY news')
      expect(heard).toBe(before + 1)
    }
    return {
      check: notify,
      async finish() {
        client.removeAllListeners('notification')
        await client.query('UNLISTEN *')
      },
    }
  },

  async 'an advisory lock'(client) {
    await client.query('SELECT pg_advisory_lock(42)')
    return {
      async check() {
        const { rows } = await client.query(
          `SELECT count(*)::int AS held FROM pg_locks
           WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
        )
        expect(rows).toEqual([{ held: 1 }])
      },
      async finish() {
        const { rows } = await client.query('SELECT pg_advisory_unlock(42) AS unlocked')
        expect(rows).toEqual([{ unlocked: true }])
      },
    }
  },

  async 'a temporary table'(client) {
    await client.query('CREATE TEMPORARY TABLE notes (note int)')
    let notes = 0
    const add = async (): Promise<void> => {
      notes += 1
      await client.query('INSERT INTO notes VALUES ($1)', [notes])
      const { rows } = await client.query('SELECT count(*)::int AS notes FROM notes')
      expect(rows).toEqual([{ notes }])
    }
    return { check: add, finish: add }
  },

  async 'a setting and a prepared statement'(client) {
    await client.query(`SET application_name = 'mine'`)
    const name = 'what-is-mine'
    const text = 'SHOW application_name'
    const check = async (): Promise<void> => {
      const { rows } = await client.query({ name, text })
      expect(rows).toEqual([{ application_name: 'mine' }])
    }
    await check()
    return { check, finish: check }
  },

  async 'a statement that runs'(client) {
    const statement = client.query(`SELECT pg_sleep(0.5), 'done' AS state`)
    return {
      check: async () => {},
      async finish() {
        expect((await statement).rows).toMatchObject([{ state: 'done' }])
      },
    }
  },
}
