import type { CredentialsCache } from '@rekey/core'
import type { Address } from '../contract/adapter.ts'
import type { Account } from '../servers/server.ts'
import type { Migration } from './schema.ts'

export interface Author {
  readonly name: string
  readonly titles: readonly string[]
}

/** A small service built on a library: one of each thing that services do with theirs. */
export interface Service {
  /** Runs those that have not run yet, by the library's own means. */
  migrate(migrations: readonly Migration[]): Promise<void>
  /** In one transaction: the author, then whatever `meanwhile` waits for, then the books. */
  add(author: Author, meanwhile: () => Promise<void>): Promise<void>
  /** The author with the books, by the library's own way to load what is related. */
  find(name: string): Promise<Author | undefined>
  /** Runs a statement as it is, which answers with one row and one column named `account`. */
  account(statement: string): Promise<string>
  /** Reads the titles of the books one by one, where the library can. */
  titles?(): AsyncIterable<string>
  /** Says when the old credentials may be revoked, where the way in can. */
  drained?(): Promise<void>
  /** The library's own shutdown. */
  close(): Promise<void>
}

/** What a service is opened with. */
export interface Opening {
  /** Where the database is, and how many connections it allows: options of the driver's pool. */
  readonly server: Address & { readonly max: number }
  readonly credentials: CredentialsCache
  /** The account that is in use when the service is opened. */
  readonly account: Account
}

export type OpenService = (opening: Opening) => Service | Promise<Service>
