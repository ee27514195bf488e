import type {
  CredentialsCache,
  DrainedMessage,
  GenerationCounts,
  RotationOptions,
} from '@rekey/core'
import type { ServerAccess } from './stage.ts'

/** What the contract needs of an adapter: how its driver does the few things that every driver can. */
export interface Adapter<Connection> extends ServerAccess {
  readonly name: string
  /** What a caller hears from a pool that was ended. */
  readonly endedMessage: string
  openPool(at: Address, credentials: CredentialsCache, options: PoolOptions): Pool<Connection>
  /** The user that the session has logged in as, by the server's word. */
  readonly userOf: (connection: Connection) => Promise<string>
  /** The server's own number for the session. */
  readonly sessionOf: (connection: Connection) => number
  /** A counter at the server that no rollback sets back: made, counted up (then the statement goes on for seconds), read. */
  readonly counter: {
    make(connection: Connection): Promise<void>
    countSlowly(connection: Connection): Promise<void>
    read(connection: Connection): Promise<number>
  }
  /** By name: everything that a lent connection can be in the middle of. */
  readonly holds: Readonly<Record<string, Hold<Connection>>>
}

export interface Address {
  readonly host: string
  readonly port: number
  readonly database: string
  /** Where clients come by a unix socket. */
  readonly socketPath?: string
}

export interface PoolOptions {
  readonly max: number
  readonly rotation: RotationOptions
}

export interface Pool<Connection> {
  borrow(): Promise<Connection>
  release(connection: Connection): void
  /** Gives a connection back as one that is not to be used again. */
  discard(connection: Connection): void
  readonly generations: GenerationCounts[]
  drained(): Promise<void>
  onDrained(listener: (message: DrainedMessage) => void): void
  end(): Promise<void>
}

/** Begins something on a connection that a rotation must not touch. */
export type Hold<Connection> = (connection: Connection) => Promise<{
  /** Uses it, and fails if it is not what it was. */
  check(): Promise<void>
  /** Brings it to its own good end. */
  finish(): Promise<void>
}>
