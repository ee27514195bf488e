import { createCredentials, fromFile, type CredentialsCache } from '@rekey/core'
import { Pool } from '@rekey/pg'

interface Database {
  readonly credentials: CredentialsCache
  readonly pool: Pool
}

declare global {
  /** Outlives this module: what loads it again finds what is there already. */
  var appDatabase: Database | undefined
}

function open(): Database {
  const file = process.env['DATABASE_CREDENTIALS'] ?? '/etc/app/database.json'
  const credentials = createCredentials(fromFile(file), { overlap: 60 * 60 * 1000 })
  // The URL has no user and no password in it.
  const pool = new Pool({ connectionString: process.env['DATABASE_URL'], credentials })
  pool.on('error', console.error)
  return { credentials, pool }
}

export const { credentials, pool }: Database = (globalThis.appDatabase ??= open())
