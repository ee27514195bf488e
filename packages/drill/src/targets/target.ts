import type { Topology } from '../servers/server.ts'

/** The databases that the drill knows. */
export type Database = 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'

/** A user, its password, and the version under which the store hands the two out. */
export interface Login {
  readonly user: string
  readonly password: string
  readonly version: string
}

/** What services do today with the driver's own pool when the credentials change. */
export type StockRecipe =
  /** End the pool, make a new one. */
  | 'end-and-new'
  /** Set the new pair in the pool's options, for connections that are opened from then on. */
  | 'mutate-options'

/** What rekey's cache and pool are told of times, in milliseconds. What is left out derives from the overlap. */
export interface Timings {
  readonly overlap?: number
  readonly loadDeadline?: number
  readonly loginDeadline?: number
  readonly spread?: number
}

/** Which pool stands the drill: rekey's, the driver's own used as people use it today, or that of a workload. */
export type PoolKind = 'rekey' | 'stock' | 'own'

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
  /**
   * Takes up what the store hands out, as soon as it does, and with urgency as fast as it can; resolves when the pool says
   * that the old credentials may be revoked.
   */
  rotate(how?: { readonly urgent?: boolean }): Promise<void>
  /** What the pool can say of itself when it does not get on, in one line. Never a secret. */
  state(): string
  /** How many sessions it has of each version of the credentials, where it can tell. */
  versions?(): ReadonlyMap<string, number>
  end(): Promise<void>
}

/** What a pool is opened with. */
export interface PoolOptions {
  readonly max: number
  /** Over how many milliseconds a rotating pool replaces its connections. */
  readonly spread: number
  /** What rekey is told beside or instead of that, in some scenarios. */
  readonly timings?: Timings | undefined
  /** What the stock pool does at a rotation, in some scenarios, whatever the target's own recipe is. */
  readonly recipe?: StockRecipe | undefined
  /** Whether another password of the same user may come, in some scenarios. */
  readonly passwordAlone?: boolean | undefined
  /** Where the pool connects in the place of its server, in some scenarios. */
  readonly at?: { readonly host: string; readonly port: number } | undefined
  /** What the store hands out while the pool is opened. */
  readonly login: Login
  /** The store: answers with the login that is current at the time of the call. In some scenarios it fails, or waits for the signal. */
  readonly load: (context: { signal: AbortSignal }) => Login | Promise<Login>
  /** Called for each connection that was opened and has logged in. */
  readonly onLogin: () => void
  /** Takes what the pool or its clients emit as `error` outside of a unit of work. */
  readonly onError: (error: unknown) => void
}

/** Accounts with two passwords that both log in. */
export interface TwoPasswords {
  /** Gives the account of `login` its password beside that of `old`. @throws {DrillError} where the server is too old. */
  add(login: Login, old: Login): Promise<void>
  /** The password of `old` logs in no more. */
  discard(login: Login, old: Login): Promise<void>
}

/** The way of a pool to its server. */
export interface Wire {
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string }
  /** Whether somebody in between can read what is said. */
  readonly isPlain: boolean
  /** Whether a client that says this has nothing more to say. */
  isGoodbye(chunk: Uint8Array): boolean
}

/** A server with two accounts to rotate between: all that a database has to bring to the drill. */
export interface Target {
  readonly database: Database | 'own'
  /** Name and version, for the report. */
  readonly server: string
  readonly accounts: readonly [string, string]
  /** How its server is set up. Default: one alone. */
  readonly topology?: Topology | undefined
  /** Passwords that no output may carry, beside those of the accounts. */
  readonly secrets: readonly string[]
  /** Gives the account this password instead of any that it had, and lets it log in. */
  allow(login: Login): Promise<void>
  /** Accounts with two passwords, where the server has them. */
  readonly two?: TwoPasswords | undefined
  /** No login with this account any more; its open sessions live on. */
  revoke(account: string): Promise<void>
  /** The open sessions of each account. */
  sessions(): Promise<ReadonlyMap<string, number>>
  /** The account of each open session, by the server's name of the session. */
  sessionAccounts(): Promise<ReadonlyMap<string, string>>
  /** Whether a session may log in again while it is open: then it does not stay old. */
  readonly renews: boolean
  /**
   * Takes the server away, where it is the drill's own, and resolves when it is back, or when another one stands in its place.
   *
   * @throws {DrillError} if there is none.
   */
  failOver?: (() => Promise<void>) | undefined
  /** How its pools get to it, where the drill may stand in between. */
  readonly wire?: Wire | undefined
  /** Ends the open sessions of an account. */
  kill(account: string): Promise<void>
  openPool(kind: PoolKind, options: PoolOptions): PoolUnderDrill
  /** Removes all that the target has made: accounts, processes, folders. */
  close(): Promise<void>
}

/** Starts or reaches the server. `max` is the ceiling that the server shall enforce for each account. */
export type StartTarget = (needs: { max: number; signal: AbortSignal }) => Promise<Target>
