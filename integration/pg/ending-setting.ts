import type { Address } from '../contract/adapter.ts'
import type { Account } from '../servers/server.ts'

export const states = [
  'unused',
  'idle',
  'idle and forgotten',
  'in the middle of a rotation',
  'beside a candidate that was refused',
  'while a store hangs',
  'with callers in the queue',
  'cancelling a statement at a server that says nothing',
] as const

/** What a process that ends a pool is told. */
export interface EndingSetting {
  readonly state: (typeof states)[number]
  readonly address: Address
  readonly accounts: readonly [Account, Account]
}
