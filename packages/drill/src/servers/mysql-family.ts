import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { launch } from './launch.ts'
import type { FoundPrograms } from './programs.ts'
import { logName, type Life, type ServerNode, type ServerRequest } from './server.ts'
import { writeTlsFiles } from './tls-files.ts'

/** What MySQL and MariaDB need of the machine, whether they make a data folder or serve it. */
export async function mysqlBase({ prefix }: FoundPrograms, folder: string): Promise<string[]> {
  const messages = await firstWith(['mysql', 'mariadb', '.'], prefix, 'english/errmsg.sys')
  return [
    ...['--no-defaults', `--basedir=${prefix}`, `--lc-messages-dir=${messages}`],
    `--datadir=${join(folder, 'data')}`,
    // Killed in the middle of a statement it leaves its temporary tables behind: here they go with the folder.
    `--tmpdir=${folder}`,
    // They refuse to run as root unless it is said so.
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ]
}

/** The folder of the installation's `share` that has this file. */
export async function firstWith(
  folders: readonly string[],
  prefix: string,
  file: string,
): Promise<string> {
  for (const name of folders) {
    const folder = join(prefix, 'share', name)
    if ((await stat(join(folder, file)).catch(() => undefined)) !== undefined) return folder
  }
  throw new Error(`There is no ${file} in ${join(prefix, 'share')}.`)
}

/** An account that may do everything, by either way in. They read this at each start. */
function adminAccount(password: string): string {
  return [
    `ALTER USER root@localhost IDENTIFIED BY '${password}';`,
    `CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '${password}';`,
    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;",
    '',
  ].join('\n')
}

/** Serves a data folder that was made. */
export async function serveMysql(
  programs: FoundPrograms,
  { password, certificates, settings }: ServerRequest,
  life: Life,
): Promise<ServerNode> {
  const { folder } = life
  const base = await mysqlBase(programs, folder)
  const accounts = join(folder, 'accounts.sql')
  await writeFile(accounts, adminAccount(password), { mode: 0o600 })
  const [port = 0] = await freePorts(1)
  const socket = join(folder, 'mysql.sock')
  const tls = certificates && (await writeTlsFiles(certificates, folder))
  const all: Record<string, string> = {
    port: String(port),
    'bind-address': '127.0.0.1',
    socket,
    'pid-file': join(folder, 'mysql.pid'),
    'init-file': accounts,
    'secure-file-priv': folder,
    // MySQL's second protocol, on a port of its own, which MariaDB does not know.
    'loose-mysqlx': 'OFF',
    ...(tls && { 'ssl-ca': tls.ca, 'ssl-cert': tls.certificate, 'ssl-key': tls.key }),
    ...settings,
  }
  const flags = Object.entries(all).map(([name, value]) => `--${name}=${value}`)
  const ready = /ready for connections/
  const pid = await launch(
    {
      command: [...programs.program, ...base, ...flags],
      cwd: folder,
      log: join(folder, logName),
      ready,
    },
    life,
  )
  return { host: '127.0.0.1', port, tlsPort: port, socket, runsAs: { pid } }
}
