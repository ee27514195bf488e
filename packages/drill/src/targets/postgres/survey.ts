import { drillsOf, type Leftovers, type Survey } from '../survey.ts'
import { remove } from './accounts.ts'
import { connect, versionOf } from './admin.ts'

/** Looks at a server, and makes nothing. @throws {DrillError} if it cannot be reached. */
export async function surveyPostgres(url: string): Promise<Survey> {
  const admin = await connect({ connectionString: url })
  try {
    const { rows } = await admin.query<{ name: string; sessions: number; bytes: string }>(
      `SELECT current_database() AS name, pg_database_size(current_database()) AS bytes,
        (SELECT count(*)::int FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS sessions`,
    )
    const { name = '', sessions = 0, bytes = '0' } = rows[0] ?? {}
    const server = await versionOf(admin)
    const { user = '', host } = admin
    return { server, admin: user, host, names: [name], sessions, bytes: Number(bytes) }
  } finally {
    await admin.end()
  }
}

/** Removes what drills have left that have no session any more. @throws {DrillError} if it cannot be reached. */
export async function cleanUpPostgres(url: string): Promise<Leftovers> {
  const admin = await connect({ connectionString: url })
  try {
    const { rows } = await admin.query<{ name: string; used: boolean }>(
      `SELECT rolname AS name, EXISTS (SELECT FROM pg_stat_activity WHERE usename = rolname) AS used
        FROM pg_roles WHERE rolname LIKE 'rekey\\_drill\\_%'
      UNION SELECT nspname, false FROM pg_namespace WHERE nspname LIKE 'rekey\\_drill\\_%'`,
    )
    const inUse = drillsOf(rows.flatMap(({ name, used }) => (used ? [name] : [])))
    const all = drillsOf(rows.map(({ name }) => name))
    const removed = all.filter((name) => !inUse.includes(name))
    for (const name of removed) await remove(admin, name, [`${name}_a`, `${name}_b`])
    return { removed, inUse }
  } finally {
    await admin.end()
  }
}
