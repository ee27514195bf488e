import { randomBytes } from 'node:crypto'
import { extname } from 'node:path'
import { DrillError } from '../error.ts'
import type { Order } from './hold.ts'
import type { HolderRequest } from './holder.ts'
import { adminOf, type Address, type ServerKind, type Topology } from './server.ts'
import { startHolder } from './start-holder.ts'

/** A server of our own on loopback. */
export interface OwnServer extends Address {
  /** Its nodes, itself the first: one, or in a topology that has more those that hold data, primaries first, and then the sentinels. */
  readonly nodes: readonly Address[]
  readonly user: string
  readonly password: string
  /** Kills one of its nodes, by its place. */
  readonly kill: (place?: number) => Promise<void>
  /** Starts it again. @throws {DrillError} if it does not come back. */
  readonly start: (place?: number) => Promise<void>
  /** The two. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

const names: Record<ServerKind, string> = {
  postgres: 'The embedded PostgreSQL',
  mysql: 'A MySQL of its own',
  mariadb: 'A MariaDB of its own',
  redis: 'A Redis of its own',
  valkey: 'A Valkey of its own',
}

/** It is thrown away in a minute: it need not survive a power cut. */
const settings: Record<ServerKind, (sessions: number) => Record<string, string>> = {
  postgres: (sessions) => ({
    max_connections: String(sessions),
    unix_socket_directories: '',
    fsync: 'off',
  }),
  mysql: mysqlSettings,
  mariadb: mysqlSettings,
  redis: redisSettings,
  valkey: redisSettings,
}

function mysqlSettings(sessions: number): Record<string, string> {
  return {
    'max-connections': String(sessions),
    'skip-name-resolve': 'ON',
    // To the system at once, and to the disk later: that survives the server, which is killed in a failover.
    'innodb-flush-log-at-trx-commit': '2',
    'sync-binlog': '0',
  }
}

function redisSettings(): Record<string, string> {
  // The others write the number of their process, and keep their accounts, by themselves.
  return {
    ...{ save: '', pidfile: 'redis.pid', aclfile: 'users.acl' },
    // A replica is in step at once, not after as many seconds as are good for a large one.
    ...{ 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1' },
    // In a cluster: longer than a busy machine stands still. Who kills one says so.
    'cluster-node-timeout': '15000',
  }
}

/**
 * Starts a server in a process of its own; it is gone when `stop` resolves, or when this process is.
 *
 * @throws {DrillError} if it cannot be had. Rejects with the signal's reason if that aborts.
 */
export async function startServer(
  kind: ServerKind,
  sessions: number,
  signal: AbortSignal,
  topology: Topology = 'single',
): Promise<OwnServer> {
  // Built, it is a .js file beside this one.
  const program = new URL(`holder${extname(import.meta.url)}`, import.meta.url)
  const password = randomBytes(18).toString('base64url')
  const request: HolderRequest = { kind, topology, password, settings: settings[kind](sessions) }
  try {
    const held = await startHolder<readonly [Address, ...Address[]]>(program, request, signal)
    const { started: nodes, tell, stop } = held
    const [{ host, port }] = nodes
    const order = (work: Order['work'], place = 0): Promise<void> =>
      tell({ place, work }).catch((error: Error) => {
        throw new DrillError(`${names[kind]} did not come back: ${error.message}`, { cause: error })
      })
    return {
      ...{ host, port, nodes, user: adminOf(kind), password, stop },
      kill: (place) => order('kill', place),
      start: (place) => order('start', place),
      async restart() {
        await order('kill')
        await order('start')
      },
    }
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    const scheme = kind === 'valkey' ? 'redis' : kind
    throw new DrillError(
      `${names[kind]} could not be started: ${why}\n` +
        `Use a server that is there instead: --url ${scheme}://admin@host/database`,
      { cause: error },
    )
  }
}
