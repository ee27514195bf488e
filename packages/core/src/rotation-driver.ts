import type { DrainedMessage } from './diagnostics.ts'
import type { OpenPurpose } from './plan.ts'

/** How a pool rotates. The same in every adapter; durations in milliseconds. */
export interface RotationOptions {
  /** How many old connections are replaced at once. Default: 1. */
  atOnce?: number | undefined
  /**
   * Over which time they are replaced. Where the store has pushed the version, the login that proves it is one of them, and
   * waits for its turn. Default: half of what the window leaves, at most 5 minutes.
   */
  spread?: number | undefined
  /** How long after the spread a lent connection may be held before that is reported. Default: half of the rest, at most 5 minutes. */
  drainDeadline?: number | undefined
  /**
   * What happens to connections held beyond it, besides being reported. Where all are held, and so no login can prove the
   * new version, it happens to one of them first. Default: `'report'`, nothing.
   */
  atDrainDeadline?: 'report' | 'cancel' | 'destroy' | undefined
  /** Sessions above `max` that a rotation may use for a while. Default: 0. */
  surge?: number | undefined
  /** How long a closing socket may take before it is destroyed, so that a dead peer cannot hold a slot. Default: 10 seconds. */
  closeDeadline?: number | undefined
  /**
   * After how many refused logins a version is left alone until the store has another one, for a server that locks the
   * account after some more. No more logins than that are under way with one version at once, also where it works.
   * Default: never; it is tried again with backoff, since it may become valid.
   */
  maxRefusals?: number | undefined
}

/** How opening a connection for the rotation went: open and idle, refused by the server, or failed otherwise. */
export type OpenOutcome = 'opened' | 'refused' | 'failed'

/** What a rotation needs of a driver: all that an adapter has to translate. */
export type RotationDriver<Connection> = ReplacingDriver<Connection> | RenewingDriver<Connection>

/** A pool whose connections keep the credentials that they logged in with: a rotation opens others in their place. */
export interface ReplacingDriver<Connection> extends Driver<Connection> {
  /** The pool's own ceiling, read live. */
  readonly max: number
  /** Opens a connection that no caller waits for and makes it idle; says once how that went. */
  open(purpose: OpenPurpose, done: (outcome: OpenOutcome) => void): Connection | undefined
  /** Closes an idle connection, in good order. */
  retire(connection: Connection): void
}

/** Connections that can log in again while they are open: a rotation has them go over, and closes none. */
export interface RenewingDriver<Connection> extends Driver<Connection> {
  /**
   * Has an open connection that nobody holds log in with the newest version. Tags it anew where that went well, and
   * says once how it went; where it did not, the connection is what it was.
   */
  renew(connection: Connection, done: (outcome: OpenOutcome) => void): void
  /**
   * Tries the newest version by a login of its own beside one that somebody holds, and says once how it went. Answers how
   * to give it up: at once, as if it had never begun.
   */
  prove(connection: Connection, done: (outcome: OpenOutcome) => void): () => void
}

interface Driver<Connection> {
  /** The pool's name in diagnostics. */
  readonly name: string
  /** The connections that nobody holds, least recently used first. */
  idle(): Iterable<Connection>
  /** Drops a connection's socket. */
  destroy(connection: Connection): void
  /** Asks the server to stop what a connection is doing. */
  cancel?(connection: Connection): void
  /** What tells a person who holds it, for example its process id. Never a secret. */
  describe(connection: Connection): unknown
  /** Called when a version is drained. */
  drained?(message: DrainedMessage): void
}
