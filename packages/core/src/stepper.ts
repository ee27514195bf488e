import type { CredentialsCache } from './cache.ts'
import type { Connections } from './connections.ts'
import type { Pace } from './pace.ts'
import type { World } from './plan.ts'

/** What every step looks at. */
export interface Situation<Connection> extends Pick<
  World<Connection>,
  'now' | 'connections' | 'target' | 'targetWorks' | 'candidate' | 'dueAt'
> {
  /** How many connections are older than the target and not closing. */
  readonly old: number
}

/** Takes the next step from one generation to the next: by other connections, or by new logins in the same ones. */
export interface Stepper<Connection> {
  /** Whether a connection that is given back should be offered to {@link takes}. */
  readonly wantsOne: boolean
  /** Whether a connection that is given back closes now. */
  takes(connection: Connection, target: number): boolean
  /** Whether a dial of the rotation itself is this connection's. */
  isDialling(connection: Connection): boolean
  /** Does what is to be done now. Answers when to look again if nothing happens before. */
  step(situation: Situation<Connection>): number | undefined
  close(): void
}

/** What a rotation and its stepper have in common. */
export interface Shared<Connection extends object> {
  readonly cache: CredentialsCache
  readonly connections: Connections<Connection>
  readonly pace: Pace
  /** How many may go over at once. */
  readonly atOnce: number
  /** Something has happened: ask for the next step. */
  readonly replan: () => void
}
