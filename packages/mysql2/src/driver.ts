import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { RekeyError } from '@rekey/core'
import type mysql from 'mysql2'
import type promise from 'mysql2/promise'

// What is used of the driver beyond its published types. Tests run against the oldest and the newest version.

/** The configuration of one connection; each has a copy of its own. */
export interface ConfigInternals {
  user: string | undefined
  password: string | undefined
  connectTimeout: number | string
  ssl: unknown
  host: string
  port: number
  socketPath: string | undefined
  /** Made by the user, or by a function of theirs. */
  stream: unknown
  enableKeepAlive: boolean
  keepAliveInitialDelay: number | undefined
  /** Whether the end of a connection of a pool is one; without it the connection is given back. */
  gracefulEnd: boolean | undefined
  database: string | undefined
}

export interface ConnectionInternals extends EventEmitter {
  readonly config: ConfigInternals
  /** The socket, or what TLS has put around it. */
  stream: Duplex
  threadId: number | null
  /** It has begun to say goodbye, or has been closed. */
  _closing?: boolean
  _fatalError: Error | null
  _protocolError: Error | null
  addCommand: unknown
  /** What `addCommand` is on a connection that is over. */
  _addCommandClosedState: unknown
  /** Answers all that waits; who has not called back hears it as an event. */
  _notifyError(error: Error): void
  connect(callback: (error: Error | null) => void): void
  pause(): void
  resume(): void
  end(callback?: (error?: Error) => void): unknown
  query(sql: string, values: unknown[], callback: (error: Error | null) => void): unknown
  destroy(): void
}

export interface PoolConnectionInternals extends ConnectionInternals {
  _pool: PoolInternals | null
  _released: boolean
  _clusterId?: string
  release(): void
  reset(callback: (error: Error | null) => void): void
  _removeFromPool(): void
  /** Says goodbye behind what is still running; calls back when it begins to. */
  _realEnd(callback?: (error?: Error) => void): unknown
}

export type GetConnectionCallback = (
  error: Error | null,
  connection?: PoolConnectionInternals,
) => void

/** The driver's ring of connections or callers. */
interface Ring<Item> {
  readonly length: number
  get(index: number): Item | undefined
  push(item: Item): number
  shift(): Item | undefined
}

export interface PoolInternals extends EventEmitter {
  readonly config: {
    readonly connectionLimit: number | string
    readonly waitForConnections: boolean
    readonly queueLimit: number
    readonly resetOnRelease: boolean
    readonly connectionConfig: ConfigInternals
  }
  readonly _allConnections: Ring<PoolConnectionInternals>
  readonly _freeConnections: Ring<PoolConnectionInternals>
  readonly _connectionQueue: Ring<GetConnectionCallback>
  _closed: boolean
  _removeIdleTimeoutConnectionsTimer?: NodeJS.Timeout
  _createConnectionConfig(): ConfigInternals
  getConnection(callback: GetConnectionCallback): void
  releaseConnection(connection: PoolConnectionInternals): void
  _handleSuccessfulRelease(connection: PoolConnectionInternals): void
  _removeConnection(connection: PoolConnectionInternals): void
  end(callback?: (error?: Error) => void): void
}

/** A pool of a cluster. */
export interface ClusterNode {
  readonly id: string
  pool: PoolInternals
}

export interface NamespaceInternals {
  readonly _pattern: string
  readonly _selector: (ids: readonly string[]) => string
  getConnection(callback: GetConnectionCallback): void
}

interface ClusterInternals extends EventEmitter {
  readonly _nodes: Readonly<Record<string, ClusterNode>>
  readonly _lastId: number
  readonly _canRetry: boolean
  add(id: unknown, config?: unknown): void
  of(pattern?: string, selector?: string): NamespaceInternals
  _findNodeIds(pattern: string): string[]
  _getConnection(node: ClusterNode, callback: GetConnectionCallback): void
  _increaseErrorCount(node: ClusterNode): void
  _decreaseErrorCount(node: ClusterNode): void
  _removeNode(node: ClusterNode): void
}

type New<Options, Instance> = new (options: Options) => Instance

/** The driver's module as it is when it runs: its types know no class of a pool. */
export interface Driver extends Omit<typeof mysql, 'Connection' | 'PoolConnection'> {
  readonly Connection: New<{ config: ConfigInternals }, ConnectionInternals>
  readonly createPoolClusterPromise: typeof promise.createPoolCluster
  readonly ConnectionConfig: New<mysql.ConnectionOptions, ConfigInternals> & {
    parseUrl(url: string): Record<string, unknown>
  }
  readonly Pool: New<{ config: unknown }, PoolInternals>
  readonly PoolCluster: New<mysql.PoolClusterOptions | undefined, ClusterInternals>
  readonly PoolConnection: new (
    pool: PoolInternals,
    options: { config: ConfigInternals },
  ) => PoolConnectionInternals
}

/** @throws {RekeyError} `ERR_REKEY_DRIVER` for a copy of the driver that is too old, and for what is none. */
export function checkDriver(driver: Driver | undefined): void {
  const { _createConnectionConfig: method } = (driver?.Pool?.prototype ??
    {}) as Partial<PoolInternals>
  if (typeof method === 'function') return
  const allowed = 'mysql2 3.23.3 or later'
  throw new RekeyError('ERR_REKEY_DRIVER', `This copy of mysql2 cannot rotate; use ${allowed}.`, {
    option: 'mysql2',
    given: driver?.Pool === undefined ? 'something that is not mysql2' : 'an older mysql2',
    allowed,
  })
}

/** The error for a connection of another pool. With two copies of the driver in a process the types do not tell them apart. */
export function foreignConnection(): RekeyError {
  const allowed = 'a connection that this pool has lent'
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    `releaseConnection was given a connection of another pool, or of another copy of mysql2; give it ${allowed}, ` +
      'and have one copy of mysql2 installed (npm ls mysql2).',
    { option: 'connection', given: 'one of another pool or another copy of mysql2', allowed },
  )
}
