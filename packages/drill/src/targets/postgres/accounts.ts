import type pg from 'pg'
import { ask } from './admin.ts'

/** `limit`: how many sessions the server grants each account, if it is to have a limit. */
export async function create(
  admin: pg.Client,
  name: string,
  accounts: readonly string[],
  limit: number | undefined,
): Promise<void> {
  const owner = `${name}_owner`
  await admin.query(`CREATE ROLE ${owner} NOLOGIN`)
  await admin.query(`GRANT ${owner} TO CURRENT_USER`)
  await admin.query(`CREATE SCHEMA ${name} AUTHORIZATION ${owner}`)
  await admin.query(
    `CREATE TABLE ${name}.ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account text)`,
  )
  await admin.query(`ALTER TABLE ${name}.ledger OWNER TO ${owner}`)
  for (const account of accounts) {
    // The limit makes the server refuse what goes over the ceiling, beside our counting of it.
    await admin.query(
      `CREATE ROLE ${account} NOLOGIN CONNECTION LIMIT ${limit ?? -1} IN ROLE ${owner}`,
    )
    // Whichever account logs in, what it makes belongs to the owner.
    await admin.query(`ALTER ROLE ${account} SET role = ${owner}`)
    await admin.query(`GRANT ${account} TO CURRENT_USER`)
  }
}

export async function remove(
  admin: pg.Client,
  name: string,
  accounts: readonly string[],
): Promise<void> {
  for (const account of accounts) await kill(admin, account)
  await admin.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
  for (const role of [...accounts, `${name}_owner`])
    await admin.query(`DROP ROLE IF EXISTS ${role}`)
}

export async function kill(admin: pg.Client, account: string): Promise<void> {
  const text = 'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1'
  await ask(admin, text, [account])
}
