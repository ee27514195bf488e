import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { ServerAddress } from './server.ts'

/** Stops every process of a server that was started for the tests, as a machine that hangs would, until it is resumed. */
export async function pausePostgres({
  log,
  ...address
}: ServerAddress): Promise<{ resume(): void }> {
  const lines = (await readFile(join(dirname(log), 'postmaster.pid'), 'utf8')).split('\n')
  const admin = new pg.Client({ ...address, database: 'postgres' })
  await admin.connect()
  const { rows } = await admin.query<{ pid: number }>(
    'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
  )
  await admin.end()
  // First of all the one that would start others.
  const pids = [Number(lines[0]), ...rows.map(({ pid }) => pid)]
  for (const pid of pids) signal(pid, 'SIGSTOP')
  return {
    resume: () => {
      for (const pid of pids) signal(pid, 'SIGCONT')
    },
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // A backend may have ended since it was listed.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
