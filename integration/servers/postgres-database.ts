import pg from 'pg'
import { until } from '../until.ts'

/** A name in use stands for itself; these are for the next who asks. */
const free = 'free_'

/**
 * Has an empty database by this name: one that a place has left, if there is one. To make one takes longer than most tests,
 * and costs hundreds of files.
 */
export async function takeDatabase(admin: pg.Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE starts_with(datname, '${free}')`,
  )
  for (const { datname } of rows) {
    if (await rename(admin, datname, name)) return
  }
  // By copying the files: otherwise all of them go through the log as well.
  await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 STRATEGY file_copy`)
}

/** Leaves the database to others without what these roles have made in it; drops it if that is not all there is. */
export async function leaveDatabase(
  admin: pg.Client,
  name: string,
  roles: readonly string[],
): Promise<void> {
  await endSessions(admin, name)
  const isEmpty = await empty(admin, name, roles)
  await untilNoSession(admin, name)
  await admin.query(`ALTER DATABASE ${name} OWNER TO CURRENT_USER`)
  await admin.query(`ALTER DATABASE ${name} RESET ALL`)
  if (isEmpty) await rename(admin, name, name.replace(/^\w+?_/, free))
  else await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
}

/** Says whether it could: of those who want the same one, one gets it. The server refuses while a session is in it. */
async function rename(admin: pg.Client, from: string, to: string): Promise<boolean> {
  try {
    await admin.query(`ALTER DATABASE ${from} RENAME TO ${to}`)
    return true
  } catch (error) {
    if ((error as pg.DatabaseError).code === '3D000') return false
    throw error
  }
}

async function endSessions(admin: pg.Client, database: string): Promise<void> {
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    database,
  ])
  await untilNoSession(admin, database)
}

/** In the list a session may stand a moment longer than its socket. */
async function untilNoSession(admin: pg.Client, database: string): Promise<void> {
  await until(`no session in ${database}`, async () => {
    const { rowCount } = await admin.query('SELECT FROM pg_stat_activity WHERE datname = $1', [
      database,
    ])
    return rowCount === 0
  })
}

/** Removes what the roles have made, and says whether there is nothing else that the server did not bring. */
async function empty(
  { host, port, user = '', password = '' }: pg.Client,
  database: string,
  roles: readonly string[],
): Promise<boolean> {
  const inside = new pg.Client({ host, port, user, password, database })
  await inside.connect()
  try {
    await inside.query(`DROP OWNED BY ${roles.join(', ')} CASCADE`)
    // Oids below are the server's own.
    const { rowCount } = await inside.query(
      `SELECT FROM (
         SELECT oid FROM pg_class UNION ALL SELECT oid FROM pg_proc UNION ALL SELECT oid FROM pg_type
         UNION ALL SELECT oid FROM pg_extension UNION ALL SELECT oid FROM pg_largeobject_metadata
         UNION ALL SELECT oid FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_')
       ) WHERE oid >= 16384 LIMIT 1`,
    )
    return rowCount === 0
  } finally {
    await inside.end()
  }
}
