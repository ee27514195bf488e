import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import { ask, type Rows } from './admin.ts'
import type { Dialect } from './dialect.ts'

export async function create(
  admin: Connection,
  name: string,
  accounts: readonly string[],
  max: number,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.query(
    `CREATE TABLE ${name}.ledger
    (id BIGINT AUTO_INCREMENT PRIMARY KEY, account VARCHAR(80) NOT NULL, session BIGINT NOT NULL)`,
  )
  for (const account of accounts) {
    // The limit makes the server refuse what goes over the ceiling, beside our counting of it.
    await admin.query(
      `CREATE USER ?@'%' IDENTIFIED BY ? WITH MAX_USER_CONNECTIONS ${max} ACCOUNT LOCK`,
      [account, randomBytes(18).toString('base64url')],
    )
    await admin.query(`GRANT ALL ON ${name}.* TO ?@'%'`, [account])
  }
}

export async function remove(
  admin: Connection,
  dialect: Dialect,
  name: string,
  accounts: readonly string[],
): Promise<void> {
  // An open transaction would hold the schema up.
  for (const account of accounts) await kill(admin, dialect, account)
  await admin.query(`DROP DATABASE IF EXISTS ${name}`)
  for (const account of accounts) await admin.query(`DROP USER IF EXISTS ?@'%'`, [account])
}

/** How long a session that was killed may take to go, in milliseconds. */
const killLimit = 5_000

export async function kill(
  admin: Connection,
  { sessions }: Dialect,
  account: string,
): Promise<void> {
  for (const deadline = performance.now() + killLimit; ; await sleep(5)) {
    const open = `SELECT id AS id FROM ${sessions} WHERE user = ?`
    const rows = await ask<Rows<{ id: number }>>(admin, open, [account])
    if (rows.length === 0 || performance.now() > deadline) return
    for (const { id } of rows) {
      await ask(admin, 'KILL ?', [id]).catch((error: { cause?: { code?: string } }) => {
        // It may have ended by itself.
        if (error.cause?.code !== 'ER_NO_SUCH_THREAD') throw error
      })
    }
  }
}
