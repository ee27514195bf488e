// The process that holds a PgBouncer of the tests.

import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hold } from '../../../packages/drill/src/servers/hold.ts'
import { launch } from '../../../packages/drill/src/servers/launch.ts'
import { findPrograms } from '../../../packages/drill/src/servers/programs.ts'
import { logName, type Life } from '../../../packages/drill/src/servers/server.ts'

export interface PgBouncerRequest {
  /** What stands in its pgbouncer.ini. */
  readonly settings: string
  /** What stands in its userlist.txt. */
  readonly users: string
}

async function start({ settings, users }: PgBouncerRequest, life: Life): Promise<null> {
  const { folder } = life
  const { command } = await findPrograms({
    server: 'pgbouncer',
    version: '1.2x',
    program: 'pgbouncer',
    says: /PgBouncer 1\.2\d\./,
    debian: 'pgbouncer',
  })
  await writeFile(join(folder, 'pgbouncer.ini'), settings)
  await writeFile(join(folder, 'userlist.txt'), users)
  // It refuses to run as root, and reads its files as whom it runs as.
  const asNobody = process.getuid?.() === 0 ? ['--user', 'nobody'] : []
  if (asNobody.length > 0) await chmod(folder, 0o755)
  await launch(
    {
      command: [...command('pgbouncer'), ...asNobody, join(folder, 'pgbouncer.ini')],
      cwd: folder,
      log: join(folder, logName),
      ready: /process up/,
    },
    life,
  )
  return null
}

hold('rekey-pgbouncer-', start)
