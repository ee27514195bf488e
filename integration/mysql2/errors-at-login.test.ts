import { createCredentials, fromFunction } from '@rekey/core'
import mysql from '@rekey/mysql2/promise'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { connectMariadb } from '../servers/mariadb.ts'
import type { Place, RunningServer, Server } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { userOf } from './asking.ts'

// What a server says of logins that only one of its own can be brought to say.

const mostSessions = 10

let running: RunningServer
let server: Server
let place: Place

beforeAll(async () => {
  running = await startServer('mariadb', {
    settings: { 'max-password-errors': '3', 'max-connections': String(mostSessions) },
  })
  server = await connectMariadb(running)
  place = await server.createPlace({ sessions: 2 * mostSessions })
})

afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await running.stop()
})

const address = () => ({ host: place.host, port: place.port, database: place.database })

test('an account that MariaDB blocks after too many wrong passwords (4150) is not tried again', async () => {
  const account = await place.createAccount()
  for (let login = 0; login < 3; login += 1) {
    const wrong = createConnection({ ...address(), user: account.user, password: 'wrong' })
    await expect(wrong).rejects.toMatchObject({ errno: 1045 })
  }
  using messages = recordMessages()
  await using credentials = createCredentials(
    fromFunction(() => account),
    { overlap: 60_000 },
  )
  await using pool = mysql.createPool({ ...address(), credentials })
  for (let call = 0; call < 5; call += 1) {
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ errno: 4150 })
  }
  expect(messages.of('rekey:candidate-refused')).toMatchObject([{ retryIn: Infinity }])
})

test('an account that takes no password over this way (1698) is refused as for a wrong one', async () => {
  const account = await place.createAccount()
  const { host, port, user, password } = running
  const admin = await createConnection({ host, port, user, password })
  await admin.query("ALTER USER ?@'%' IDENTIFIED VIA unix_socket", [account.user])
  await admin.end()
  using messages = recordMessages()
  await using credentials = createCredentials(
    fromFunction(() => account),
    { overlap: 60_000, loginDeadline: 100 },
  )
  await using pool = mysql.createPool({ ...address(), credentials })
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ errno: 1698 })
  const [first] = messages.of('rekey:candidate-refused')
  expect(first?.error).toMatchObject({ errno: 1698 })
  expect(first?.retryIn).toBeLessThan(Infinity)
})

test('a server that is full (1040) is no matter of the credentials: it fails its caller at once', async () => {
  const account = await place.createAccount()
  using messages = recordMessages()
  await using credentials = createCredentials(
    fromFunction(() => account),
    { overlap: 60_000 },
  )
  await using pool = mysql.createPool({ ...address(), credentials, connectionLimit: 50 })
  const held: Connection[] = []
  let failure: unknown
  while (failure === undefined && held.length < 50) {
    await pool.getConnection().then(
      (connection) => held.push(connection),
      (error: unknown) => (failure = error),
    )
  }
  expect(failure).toMatchObject({ errno: 1040 })
  expect(messages.of('rekey:candidate-refused')).toEqual([])
  for (const connection of held) pool.releaseConnection(connection as never)
  expect(await userOf(pool)).toBe(account.user)
})
