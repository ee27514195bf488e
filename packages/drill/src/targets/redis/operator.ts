import { DrillError } from '../../error.ts'
import type { Address, Topology } from '../../servers/server.ts'
import type { Wire } from '../target.ts'
import type { Place } from './pools.ts'

/** The operator's part: what is done at the server, or at each of those that hold the data. */
export interface Operator {
  readonly database: 'redis' | 'valkey'
  /** Name and version, and how it is set up, for the report. */
  readonly server: string
  /** Who the operator is there. */
  readonly admin: string
  /** Where that is not one server. */
  readonly topology?: Topology
  /** How a client gets there. */
  readonly connection: Place['connection']
  /** Where clients of a Cluster begin, if it is one. */
  readonly startupNodes?: readonly Address[]
  /** Where the drill may stand in between. */
  readonly wire?: Wire
  /** Passwords that no output may carry. */
  readonly secrets: readonly string[]
  setUser(user: string, ...rules: string[]): Promise<void>
  /** The user of each connection of the accounts, by what the server calls it. */
  sessions(accounts: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Ends the connections of an account. */
  kill(account: string): Promise<void>
  failOver?: (() => Promise<void>) | undefined
  /** Removes the users, and the keys that begin so. */
  remove(accounts: readonly string[], prefix: string): Promise<void>
  close(): void
}

/** That an operator may not do what the drill needs. */
export function notAllowed(admin: string, error: unknown): DrillError {
  return new DrillError(
    `The users for the drill could not be made: ${String(error)}\n` +
      `${admin} needs acl|setuser, acl|deluser, client|list, client|kill and info.`,
    { cause: error },
  )
}
