/** The databases that the drill knows. */
export type Database = 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'

/** A user, its password, and the version under which the store hands the two out. */
export interface Login {
  readonly user: string
  readonly password: string
  readonly version: string
}

/** Which pool stands the drill: rekey's, or the driver's own used as people use it today. */
export type PoolKind = 'rekey' | 'stock'

/** What a unit of work is called in reports. */
export type UnitName = 'query' | 'transaction' | 'held transaction' | 'stream'

/**
 * The units of work. Each borrows a connection from the pool, checks what it reads, gives the connection back and
 * resolves with the account that served it; it rejects when anything went wrong.
 */
export interface Units {
  /** One short statement. */
  query(): Promise<string>
  /** A few statements in one transaction, over a few hundredths of a second. */
  transaction(): Promise<string>
  /** A transaction that keeps its connection for this many milliseconds, with a statement now and then. */
  hold(milliseconds: number, onHeld: () => void): Promise<string>
  /** A result that is read row by row for about this many milliseconds. */
  stream(milliseconds: number, onHeld: () => void): Promise<string>
}

/** A pool under the drill. */
export interface PoolUnderDrill {
  readonly units: Units
  /** Takes up what the store now holds; resolves when the pool says that the old credentials may be revoked. */
  rotate(): Promise<void>
  /** What the pool can say of itself when it does not get on, in one line. Never a secret. */
  state(): string
  end(): Promise<void>
}

/** What a pool is opened with. */
export interface PoolOptions {
  readonly max: number
  /** Over how many milliseconds a rotating pool replaces its connections. */
  readonly spread: number
  /** The store: answers with the login that is current at the time of the call. */
  readonly load: () => Login
  /** Called for each connection that was opened and has logged in. */
  readonly onLogin: () => void
  /** Takes what the pool or its clients emit as `error` outside of a unit of work. */
  readonly onError: (error: unknown) => void
}

/** A server with two accounts to rotate between: all that a database has to bring to the drill. */
export interface Target {
  readonly database: Database
  /** Name and version, for the report. */
  readonly server: string
  readonly accounts: readonly [string, string]
  /** Passwords that no output may carry, beside those of the accounts. */
  readonly secrets: readonly string[]
  /** Gives the account this password, and lets it log in. */
  allow(login: Login): Promise<void>
  /** No login with this account any more; its open sessions live on. */
  revoke(account: string): Promise<void>
  /** The open sessions of each account. */
  sessions(): Promise<ReadonlyMap<string, number>>
  /** Ends the open sessions of an account. */
  kill(account: string): Promise<void>
  openPool(kind: PoolKind, options: PoolOptions): PoolUnderDrill
  /** Removes all that the target has made: accounts, processes, folders. */
  close(): Promise<void>
}

/** Starts or reaches the server. `max` is the ceiling that the server shall enforce for each account. */
export type StartTarget = (needs: { max: number; signal: AbortSignal }) => Promise<Target>
