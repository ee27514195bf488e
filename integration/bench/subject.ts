import type { EventEmitter } from 'node:events'
import type { CredentialsCache, RotationOptions } from '@rekey/core'
import type { Account } from '../servers/server.ts'

/** Where a server is, and what in it a pool works on. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly database: string
}

/** A server of the benchmark's own, with two accounts to alternate between. */
export interface Server extends AsyncDisposable {
  readonly address: Address
  readonly accounts: readonly [Account, Account]
  /** A connection that is not part of what is measured, and that sees all others. */
  lookout(): Promise<Lookout>
}

/** Looks at the server's own list of sessions. */
interface Lookout {
  /** What identifies each for ever. Those that are still logging in are included, the lookout's own is not. */
  sessions(): Promise<string[]>
  end(): Promise<void>
}

/** A pool, whatever its driver calls its methods. */
export interface Pool {
  query(sql: string): Promise<unknown>
  connect(): Promise<Connection>
  end(): Promise<void>
}

/** One of its connections, lent. */
export interface Connection {
  query(sql: string): Promise<unknown>
  release(isBroken?: boolean): void
}

/** The driver's own pool, with what people do to it when the credentials change. */
interface StockPool extends Pool {
  /** Connections log in with this account from now on; those that are open stay. */
  use(account: Account): void
  /** Closes idle connections at once, and those that are lent when they are given back. */
  evictIdle(): void
}

/** Our pool. */
export interface RekeyPool extends Pool {
  drained(): Promise<void>
  /** The pool, its connections and their sockets: whatever listeners could be left on. */
  emitters(): EventEmitter[]
}

/** What the process of a pool is for: the driver's own, ours, or ours used as if it were the driver's own. */
export type Kind = 'stock' | 'with credentials' | 'without'

/** What a pool at rest is timed at: in each round, and before the first. */
export interface Work {
  readonly name: string
  readonly times: number
  readonly warmUp: number
}

// A round is long beside what it takes to wake a process, and short beside what disturbs a machine.
/** What the pools of databases are timed at. */
export const poolWorks = [
  { name: 'checkout and release', times: 3_000, warmUp: 100_000 },
  { name: 'short query', times: 30, warmUp: 3_000 },
] as const satisfies readonly Work[]

/** A driver, with a server for it. */
export interface Subject {
  /** What the server is and how it is logged in to, for the report. */
  readonly about: string
  /** A statement that takes no time. */
  readonly short: string
  /** Statements that belong on one connection, and take 20 ms together. */
  readonly transaction: readonly string[]
  readonly works: readonly Work[]
  /** Sessions of a pool that nobody borrows: all callers share them. */
  readonly shared: number
  startServer(signal: AbortSignal): Promise<Server>
  // Connections are not given up for idleness: at each rotation all of them are open.
  openStock(address: Address, max: number, account: Account): StockPool
  openRekey(
    address: Address,
    max: number,
    credentials: CredentialsCache,
    rotation: RotationOptions,
  ): RekeyPool
  /**
   * Opens a pool, and answers the works on it, each as often as it is told: without anything between them and the driver
   * that would cost time itself.
   */
  openWorks(
    kind: Kind,
    address: Address,
    account: Account,
  ): Record<string, (times: number) => Promise<void>>
}
