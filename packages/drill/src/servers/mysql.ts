import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { giveData } from './data-folder.ts'
import { mysqlBase, serveMysql } from './mysql-family.ts'
import { findPrograms } from './programs.ts'
import type { Life, ServerNode, ServerRequest } from './server.ts'

export async function startMysql(request: ServerRequest, life: Life): Promise<ServerNode> {
  const { folder } = life
  const programs = await findPrograms({
    server: 'mysql',
    version: '9.7',
    program: 'mysqld',
    says: /Ver 9\.7\./,
    debian: 'mysql-server-core',
  })
  const make = '--initialize-insecure'
  await giveData(
    {
      ...{ server: 'mysql', version: programs.version, of: make },
      async make(work) {
        const [file, ...words] = [...programs.program, ...(await mysqlBase(programs, work)), make]
        await promisify(execFile)(file, words, { cwd: work })
      },
    },
    folder,
  )
  // By this two servers are told apart.
  await rm(join(folder, 'data', 'auto.cnf'))
  return serveMysql(programs, request, life)
}
