import mysql from '@rekey/mysql2/promise'
import { createConnection } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { numberFrom } from './asking.ts'
import { openStage } from './stage.ts'

test('FLUSH TABLES WITH READ LOCK by another session for a second: who writes waits, across three rotations, and writes', async () => {
  await using stage = await openStage()
  const { address, credentials } = stage
  const rotation = { spread: 0 }
  await using pool = mysql.createPool({ ...address, credentials, connectionLimit: 2, rotation })
  await pool.query('CREATE TABLE ledger (entry int)')
  const { host, port, user, password } = await serverAddress('mysql')
  const { database } = address
  const backup = await createConnection({ host, port, user, password, database })
  // Of this table alone: the server is not the test's own.
  await backup.query('FLUSH TABLES ledger WITH READ LOCK')
  const lockedAt = performance.now()
  let written = false
  const writing = pool.query('INSERT INTO ledger VALUES (1)').then(() => (written = true))
  for (let round = 0; round < 3; round += 1) {
    const { version } = await stage.rotate().then((next) => ({ version: next }))
    await until('the others to go', () =>
      pool.generations.every(
        ({ version: each, idle, closing, connecting }) =>
          each === version || idle + closing + connecting === 0,
      ),
    )
    expect(written).toBe(false)
  }
  await until('a second to pass', () => performance.now() > lockedAt + 1_000)
  await backup.query('UNLOCK TABLES')
  await writing
  expect(await numberFrom(pool, 'SELECT count(*) AS number FROM ledger')).toBe(1)
  await pool.drained()
  await backup.end()
})
