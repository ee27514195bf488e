import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { launch } from './launch.ts'
import { findPrograms, type Wanted } from './programs.ts'
import {
  logName,
  type Life,
  type RedisKind,
  type ServerNode,
  type ServerRequest,
} from './server.ts'
import { writeTlsFiles } from './tls-files.ts'

const wanted: Record<RedisKind, Wanted> = {
  redis: {
    server: 'redis',
    version: '8.0',
    program: 'redis-server',
    says: /Redis server v=8\.0\./,
    debian: 'redis-server',
  },
  valkey: {
    server: 'valkey',
    version: '9.1',
    program: 'valkey-server',
    says: /Valkey server v=9\.1\./,
    debian: 'valkey-server',
  },
}

/** How to call the server's program. */
export async function redisCommand(kind: RedisKind): Promise<readonly [string, ...string[]]> {
  const { program } = await findPrograms(wanted[kind])
  return program
}

export async function startRedis(
  kind: RedisKind,
  { password, certificates, settings }: ServerRequest,
  life: Life,
): Promise<ServerNode> {
  const command = await redisCommand(kind)
  const { folder } = life
  const [port, tlsPort] = await freePorts(2)
  const socket = join(folder, 'redis.sock')
  const tls = certificates && (await writeTlsFiles(certificates, folder))
  const all: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    unixsocket: socket,
    dir: folder,
    requirepass: password,
    ...(tls && {
      'tls-port': String(tlsPort),
      'tls-ca-cert-file': tls.ca,
      'tls-cert-file': tls.certificate,
      'tls-key-file': tls.key,
      'tls-auth-clients': 'no',
    }),
    ...settings,
  }
  const { aclfile } = settings
  if (aclfile !== undefined) {
    // Where users are kept in a file the server looks for that password nowhere else.
    const users = `user default on >${password} ~* &* +@all\n`
    await writeFile(join(folder, aclfile), users, { mode: 0o600 })
  }
  const ready = /Ready to accept connections/
  const log = join(folder, logName)
  const pid = await launch(
    { command: [...command, ...redisFlags(all)], cwd: folder, log, ready },
    life,
  )
  // The settings may say which.
  const { port: own, 'tls-port': ownTls = own } = all
  return {
    host: '127.0.0.1',
    port: Number(own),
    tlsPort: Number(ownTls),
    socket,
    runsAs: { pid },
  }
}

/** Settings as words of a command. */
export function redisFlags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}
