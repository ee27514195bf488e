import mysql from '@rekey/mysql2/promise'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { setUp, Stage } from '../contract/stage.ts'
import { numberFrom, userOf } from '../mysql2/asking.ts'
import { goneOver, mysql as access } from '../mysql2/stage.ts'
import { connectMariadb } from '../servers/mariadb.ts'
import { connectMysql } from '../servers/mysql.ts'
import type { RunningServer } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'

// What is locked or counted for a server as a whole: nobody else may use it.

describe.each([
  ['mysql', connectMysql],
  ['mariadb', connectMariadb],
] as const)('a server of its own, %s', (kind, connectTo) => {
  let running: RunningServer
  let admin: Connection

  const connectAsAdmin = (): Promise<Connection> => {
    const { host, port, user, password } = running
    return createConnection({ host, port, user, password })
  }

  beforeAll(async () => {
    running = await startServer(kind)
    admin = await connectAsAdmin()
  })

  afterAll(async () => {
    await admin.end()
    await running.stop()
  })

  const countAborted = async (): Promise<number> => {
    const [rows] = await admin.query("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")
    return Number((rows as { Value: string }[])[0]?.Value)
  }

  const openStage = async (sessions: number): Promise<Stage> =>
    new Stage(await setUp({ ...access, connectServer: () => connectTo(running) }, sessions))

  test('FLUSH TABLES WITH READ LOCK by another session for a second: who writes waits, across three rotations, and writes', async () => {
    await using stage = await openStage(2)
    const { address, credentials, place } = stage
    const rotation = { spread: 0 }
    await using pool = mysql.createPool({ ...address, credentials, connectionLimit: 2, rotation })
    await pool.query('CREATE TABLE ledger (entry int)')
    const count = 'SELECT count(*) AS number FROM ledger'
    // Under the lock no account can be made or changed.
    const accounts = [
      await place.createAccount(),
      await place.createAccount(),
      await place.createAccount(),
    ]
    const writer = await pool.getConnection()
    await using backup = await connectAsAdmin()
    await backup.query('FLUSH TABLES WITH READ LOCK')
    const lockedAt = performance.now()
    let written = false
    const writing = writer.query('INSERT INTO ledger VALUES (1)').then(() => (written = true))
    const waits =
      'SELECT count(*) AS number FROM information_schema.processlist ' +
      `WHERE id = ${writer.threadId} AND state LIKE 'Waiting for % lock'`
    await until('the write to wait', async () => (await numberFrom(admin, waits)) === 1)
    for (const account of accounts) {
      const version = stage.store.publish(account)
      await credentials.refresh()
      await until('all but the one that writes to go over', () => {
        const others = pool.generations.filter(({ lent }) => lent === 0)
        return others.every((each) => each.version === version && each.idle === 1)
      })
      expect(await userOf(pool)).toBe(account.user)
      // Who only reads is served.
      expect(await numberFrom(pool, count)).toBe(0)
      expect(await numberFrom(admin, waits)).toBe(1)
    }
    await until('a second to pass', () => performance.now() > lockedAt + 1_000)
    expect(written).toBe(false)
    await backup.query('UNLOCK TABLES')
    await writing
    expect(await numberFrom(writer, count)).toBe(1)
    writer.release()
    await goneOver(pool)
    expect(pool.generations).toHaveLength(1)
  })

  test('a wrong password and 500 callers a second: Aborted_connects grows by one at each backoff step', async () => {
    await using stage = await openStage(10)
    using messages = recordMessages()
    const before = await countAborted()
    stage.store.publish({ user: stage.account.user, password: 'wrong' })
    const pool = mysql.createPool({ ...stage.address, credentials: stage.credentials })
    const calls: Promise<unknown>[] = []
    for (let tenth = 0; tenth < 50; tenth += 1) {
      for (let call = 0; call < 50; call += 1) {
        calls.push(pool.query('SELECT 1').catch((error: unknown) => error))
      }
      await stage.clock.advance(100)
      // A dial takes its time, and ours stands still meanwhile.
      await until('the dial to end', () => stage.proxy.open === 0)
    }
    await pool.end()
    const answers = await Promise.all(calls)
    expect(answers.filter((answer) => !(answer instanceof Error))).toEqual([])
    const steps = messages.of('rekey:candidate-refused').length
    // At 0, 250, 750, 1750 and 3750 ms, to the next tenth: by chance a half of what doubles.
    expect(steps).toBe(5)
    // The server may count one a moment after it has said so.
    await until('the server to have counted', async () => (await countAborted()) >= before + steps)
    expect(await countAborted()).toBe(before + steps)
    expect(await stage.place.refusedLogins()).toHaveLength(steps)
  })
})
