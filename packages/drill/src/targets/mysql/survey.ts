import { drillsOf, type Leftovers, type Survey } from '../survey.ts'
import { remove } from './accounts.ts'
import { connect, versionOf, type Rows } from './admin.ts'
import { dialectOf } from './dialect.ts'

/** The schemas that every server has. */
const own = ['information_schema', 'mysql', 'performance_schema', 'sys']

/** Looks at a server, and makes nothing. @throws {DrillError} if it cannot be reached. */
export async function surveyMysql(url: string): Promise<Survey> {
  const admin = await connect(url)
  try {
    const { server, sessions } = dialectOf(await versionOf(admin))
    const [schemas] = await admin.query<Rows<{ name: string; bytes: string | null }>>(
      `SELECT schema_name AS name, (SELECT SUM(data_length + index_length)
        FROM information_schema.tables WHERE table_schema = schema_name) AS bytes
      FROM information_schema.schemata WHERE schema_name NOT IN (?)`,
      [own],
    )
    const [[open]] = await admin.query<Rows<{ sessions: number }>>(
      `SELECT COUNT(*) AS sessions FROM ${sessions}
      WHERE id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler')`,
    )
    return {
      ...{ server, admin: admin.config.user ?? '', host: admin.config.host ?? '' },
      names: schemas.map(({ name }) => name),
      sessions: open?.sessions ?? 0,
      bytes: schemas.reduce((sum, { bytes }) => sum + Number(bytes ?? 0), 0),
    }
  } finally {
    await admin.end()
  }
}

/** Removes what drills have left that have no session any more. @throws {DrillError} if it cannot be reached. */
export async function cleanUpMysql(url: string): Promise<Leftovers> {
  const admin = await connect(url)
  try {
    const dialect = dialectOf(await versionOf(admin))
    const [rows] = await admin.query<Rows<{ name: string; used: number }>>(
      `SELECT user AS name, EXISTS (SELECT 1 FROM ${dialect.sessions} open WHERE open.user = account.user) AS used
        FROM mysql.user account WHERE user LIKE 'rekey\\\\_drill\\\\_%'
      UNION SELECT schema_name, 0 FROM information_schema.schemata WHERE schema_name LIKE 'rekey\\\\_drill\\\\_%'`,
    )
    const inUse = drillsOf(rows.flatMap(({ name, used }) => (used === 1 ? [name] : [])))
    const all = drillsOf(rows.map(({ name }) => name))
    const removed = all.filter((name) => !inUse.includes(name))
    for (const name of removed) await remove(admin, dialect, name, [`${name}_a`, `${name}_b`])
    return { removed, inUse }
  } finally {
    await admin.end()
  }
}
