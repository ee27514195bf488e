import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { giveData } from './data-folder.ts'
import { firstWith, mysqlBase, serveMysql } from './mysql-family.ts'
import { findPrograms } from './programs.ts'
import type { Life, ServerNode, ServerRequest } from './server.ts'

const tables = [
  'mariadb_system_tables.sql',
  'mariadb_performance_tables.sql',
  'mariadb_system_tables_data.sql',
]

export async function startMariadb(request: ServerRequest, life: Life): Promise<ServerNode> {
  const { folder } = life
  const programs = await findPrograms({
    server: 'mariadb',
    version: '11.8',
    program: 'mariadbd',
    says: /Ver 11\.8\.\d+-MariaDB/,
    debian: 'mariadb-server-core',
  })
  const share = await firstWith(['mariadb', 'mysql', '.'], programs.prefix, tables[0]!)
  const scripts = await Promise.all(tables.map((name) => readFile(join(share, name), 'utf8')))
  const script = [
    'CREATE DATABASE mysql;\nUSE mysql;',
    ...scripts,
    // Those of other hosts would stand before root@'%'.
    "DELETE FROM global_priv WHERE User = '' OR Host <> 'localhost';",
    '',
  ].join('\n')
  await giveData(
    {
      ...{ server: 'mariadb', version: programs.version, of: script },
      async make(work) {
        await mkdir(join(work, 'data'))
        // What `mariadb-install-db` does; that script would look for its programs and their libraries in the machine's own folders.
        const base = await mysqlBase(programs, work)
        const [file, ...words] = [...programs.program, ...base, '--bootstrap']
        const making = promisify(execFile)(file, words, { cwd: work })
        making.child.stdin?.on('error', () => {})
        making.child.stdin?.end(script)
        await making
      },
    },
    folder,
  )
  return serveMysql(programs, request, life)
}
