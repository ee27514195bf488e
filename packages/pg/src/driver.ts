import type pg from 'pg'

// What is used of the driver beyond its published types. Tests run against the oldest and the newest version.

export type ClientClass = typeof pg.Client

/** The part of the driver's module that rekey stands in for. */
export type Driver = Pick<typeof pg, 'Client' | 'Pool'>

interface ConnectionInternals {
  /** Whether it has been told to connect, ever. */
  _connecting?: boolean
  /** `'direct'` where TLS begins without being asked for. */
  sslNegotiation?: string
  stream: {
    destroy(error?: Error): unknown
    /** One that a user's own function has made need not have it. */
    unref?(): unknown
    once(event: 'close', listener: () => void): unknown
  }
  on(event: string, listener: (...values: never[]) => void): unknown
  once(event: string, listener: (...values: never[]) => void): unknown
  removeAllListeners(): unknown
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
  end(): void
}

export interface ClientInternals {
  connection: ConnectionInternals
  connectionParameters: { user?: string | undefined; password?: unknown }
  user?: string | undefined
  password?: unknown
  host: string
  port: number
  ssl: unknown
  processID: number | null
  secretKey: number | null
  _connecting: boolean
  _connectionError: boolean
  _ending: boolean
  _ended: boolean
  _queryable: boolean
  _queryQueue: readonly unknown[]
  _getActiveQuery(): unknown
  _errorAllQueries(error: Error): void
  _handleErrorEvent(error: Error): void
  _poolUseCount?: number
  _Promise: PromiseConstructor
  end(callback?: () => void): Promise<void> | void
  once(event: 'drain', listener: () => void): unknown
  listenerCount(event: string): number
  emit(event: string, ...values: unknown[]): boolean
}

/** A caller in the pool's queue. */
export interface PendingItem {
  callback(error: unknown, client?: pg.PoolClient, release?: (error?: unknown) => void): void
  timedOut?: boolean
}

export interface PoolInternals extends Omit<pg.Pool, 'end' | 'connect' | 'options'> {
  Client: ClientClass
  Promise: PromiseConstructor
  /** The driver takes `max` as it comes, in a string too. */
  options: Omit<pg.PoolOptions, 'max'> & { max: number | string; Client?: unknown }
  end(callback?: () => void): Promise<void> | undefined
  connect(
    callback?: (error: unknown, client?: pg.PoolClient, done?: () => void) => void,
  ): Promise<pg.PoolClient> | undefined
  newClient(item: PendingItem): void
  _clients: pg.Client[]
  _idle: { client: pg.Client }[]
  _expired: WeakSet<object>
  _pendingQueue: PendingItem[]
  _isFull(): boolean
  _pulseQueue(): void
  _remove(client: pg.Client, callback?: () => void): void
  _release(client: pg.Client, idleListener: (error: Error) => void, error?: unknown): void
}
