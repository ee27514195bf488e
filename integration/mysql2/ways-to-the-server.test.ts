import { connect } from 'node:net'
import { createCredentials, fromFunction, RekeyError } from '@rekey/core'
import mysql from '@rekey/mysql2/promise'
import type { ResultSetHeader } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { startServer } from '../servers/start.ts'
import { openStage } from './stage.ts'
import { testWays } from './test-ways.ts'

testWays({
  TLS: ({ ca }) => ({ ssl: { ca } }),
  // The server's key pair encrypts the password.
  'RSA, over a socket without TLS': () => ({}),
  'a stream of the user, made for each connection': ({ host, port }) => ({
    stream: () => connect(port, host),
  }),
  'a stream of the user, with TLS': ({ host, port, ca }) => ({
    ssl: { ca },
    stream: () => connect(port, host),
  }),
  'a URL': ({ host, port }) => ({
    host: '',
    port: 0,
    uri: `mysql://${host}:${port}?connectTimeout=5000`,
  }),
  compression: () => ({ compress: true }),
})

test('prepared statements, named placeholders and a charset work as with a password', async () => {
  await using stage = await openStage()
  await using pool = mysql.createPool({
    ...{ ...stage.address, credentials: stage.credentials },
    ...{ namedPlaceholders: true, charset: 'LATIN1_SWEDISH_CI' },
  })
  const statement = 'SELECT :one AS one, @@character_set_client AS charset'
  for (const one of [1, 2]) {
    const [rows] = await pool.execute(statement, { one })
    expect(rows).toMatchObject([{ one, charset: 'latin1' }])
  }
})

test.each([
  ['what was found', [], 1],
  ['what was changed', ['-FOUND_ROWS'], 0],
])('flags decide what the server counts: %s', async (_what, flags, count) => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const pool = mysql.createPool({ ...address, credentials, flags })
  await pool.query('CREATE TABLE flagged (n int)')
  await pool.query('INSERT INTO flagged VALUES (1)')
  const connection = await mysql.createConnection({ ...address, credentials, flags })
  for (const client of [pool, connection]) {
    const [result] = await client.query<ResultSetHeader>('UPDATE flagged SET n = 1')
    expect(result).toMatchObject({ affectedRows: count, changedRows: 0 })
  }
  await Promise.all([connection.end(), pool.end()])
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
