import { execFile } from 'node:child_process'
import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from './free-ports.ts'
import { launch } from './launch.ts'
import { findBinaries } from './postgres-binaries.ts'
import { logName, type Life, type ServerNode, type ServerRequest } from './server.ts'
import { writeTlsFiles } from './tls-files.ts'

/** The PostgreSQL that npm brings, as the drill runs it. */
export async function startPostgres(
  { password, certificates, settings }: ServerRequest,
  life: Life,
): Promise<ServerNode> {
  const { folder } = life
  const { initdb, postgres, as } = await findBinaries(folder)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (as.uid !== undefined && as.gid !== undefined) await chown(passwordFile, as.uid, as.gid)
  const flags = [`--pgdata=${data}`, '--username=postgres', `--pwfile=${passwordFile}`]
  const fixed = ['--auth=scram-sha-256', '--no-locale', '--encoding=UTF8', '--no-sync']
  await promisify(execFile)(initdb, [...flags, ...fixed], { ...as, cwd: folder })
  const tls = certificates && (await writeTlsFiles(certificates, folder, as))
  const [port = 0] = await freePorts(1)
  const all: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    ...(tls && { ssl: 'on', ssl_cert_file: tls.certificate, ssl_key_file: tls.key }),
    ...settings,
  }
  const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const pid = await launch(
    {
      command: [postgres, '-D', data, ...words],
      cwd: folder,
      log: join(folder, logName),
      ready: /ready to accept connections/,
      as,
      // At once, and all that it has started with it.
      end: 'SIGQUIT',
    },
    life,
  )
  const socket = join(folder, `.s.PGSQL.${port}`)
  return { host: '127.0.0.1', port, tlsPort: port, socket, runsAs: { pid } }
}
