import { connect } from 'node:net'
import { createCredentials, fromFunction, RekeyError } from '@rekey/core'
import mysql, { type PoolOptions } from '@rekey/mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import type { DualPasswords, Place, Server, ServerAddress } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { userOf } from './asking.ts'

let server: Server<Place & DualPasswords>
let place: Place & DualPasswords
let address: ServerAddress

beforeAll(async () => {
  address = await serverAddress('mysql')
  server = await connectMysql(address)
  place = await server.createPlace({ sessions: 20 })
})

afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** Each way to the server by which caching_sha2_password takes a password that the server has not seen yet. */
const ways: Record<string, () => PoolOptions> = {
  TLS: () => ({ ssl: { ca: address.ca } }),
  // The server's key pair encrypts the password.
  'RSA, over a socket without TLS': () => ({}),
  'a unix socket': () => ({ socketPath: address.socket ?? '' }),
  'a stream of the user, made for each connection': () => ({
    stream: () => connect(address.port, address.host),
  }),
  'a stream of the user, with TLS': () => ({
    ssl: { ca: address.ca },
    stream: () => connect(address.port, address.host),
  }),
  'a URL': () => ({
    host: '',
    port: 0,
    database: '',
    uri: `mysql://${address.host}:${address.port}/${place.database}?connectTimeout=5000`,
  }),
  compression: () => ({ compress: true }),
}

describe.each(Object.entries(ways))('caching_sha2_password over %s', (_name, way) => {
  // Containers have no socket on this side.
  const isThere = (): boolean => way().socketPath !== ''

  async function setUp(): Promise<{
    readonly rotate: () => Promise<void>
    readonly options: PoolOptions
    readonly user: string
    readonly close: () => Promise<void>
  }> {
    let account = await place.createAccount()
    const credentials = createCredentials(
      fromFunction(() => account),
      { overlap: 60_000 },
    )
    const { host, port, database } = place
    return {
      options: { host, port, database, credentials, ...way() },
      user: account.user,
      close: () => credentials.close(),
      async rotate() {
        account = await place.retain(account)
        await credentials.refresh()
      },
    }
  }

  test('a pool logs in, and goes over', async () => {
    if (!isThere()) return
    const { options, user, rotate, close } = await setUp()
    const pool = mysql.createPool({ ...options, connectionLimit: 2, rotation: { spread: 0 } })
    expect(await userOf(pool)).toBe(user)
    await rotate()
    await pool.drained()
    expect(await userOf(pool)).toBe(user)
    expect(pool.generations).toHaveLength(1)
    await pool.end()
    await close()
  })

  test('a connection logs in, before and after a rotation', async () => {
    if (!isThere()) return
    const { options, user, rotate, close } = await setUp()
    for (let round = 0; round < 2; round += 1) {
      const { rotation: _, ...rest } = options
      const connection = await mysql.createConnection(rest)
      expect(await userOf(connection)).toBe(user)
      await connection.end()
      await rotate()
    }
    await close()
  })
})

test('a statement that is prepared, flags, named placeholders and a charset work as with a password', async () => {
  const account = await place.createAccount()
  await using credentials = createCredentials(
    fromFunction(() => account),
    { overlap: 60_000 },
  )
  const { host, port, database } = place
  await using pool = mysql.createPool({
    ...{ host, port, database, credentials },
    ...{ namedPlaceholders: true, flags: ['-FOUND_ROWS'], charset: 'LATIN1_SWEDISH_CI' },
  })
  const [rows] = await pool.execute('SELECT :one AS one, @@character_set_client AS charset', {
    one: 1,
  })
  expect(rows).toMatchObject([{ charset: 'latin1' }])
})

test('where the server has neither TLS nor a key pair, the error says what to enable', async () => {
  const bare = await startServer('mysql', {
    tls: false,
    settings: {
      'tls-version': '',
      'auto-generate-certs': 'OFF',
      'caching-sha2-password-auto-generate-rsa-keys': 'OFF',
      'caching-sha2-password-private-key-path': 'none.pem',
      'caching-sha2-password-public-key-path': 'none.pem',
    },
  })
  try {
    const { host, port, user, password } = bare
    await using credentials = createCredentials(
      fromFunction(() => ({ user, password })),
      { overlap: 60_000, loginDeadline: 300 },
    )
    await using pool = mysql.createPool({ host, port, credentials })
    const expected = { code: 'ERR_REKEY_OPTION', option: 'ssl', cause: { errno: 1045 } }
    await expect(pool.query('SELECT 1')).rejects.toMatchObject(expected)
    const failure = await mysql.createConnection({ host, port, credentials }).catch((e) => e)
    expect(failure).toBeInstanceOf(RekeyError)
    expect(failure).toMatchObject(expected)
    expect((failure as Error).message).toMatch(/ssl.*socketPath.*rsa_keys/)
  } finally {
    await bare.stop()
  }
})
