import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { adminAccount, mysqlBase, serveMysql } from './mysql-family.ts'
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
  const base = await mysqlBase(programs, folder)
  const command = programs.command('mysqld')
  const accounts = join(folder, 'accounts.sql')
  await writeFile(accounts, adminAccount(request.password), { mode: 0o600 })
  const [file, ...words] = [...command, ...base, '--initialize-insecure', `--init-file=${accounts}`]
  await promisify(execFile)(file, words, { cwd: folder })
  await rm(accounts)
  return serveMysql(command, base, request, life)
}
