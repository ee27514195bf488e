import type { Credentials, Refusal } from '@rekey/core'

/**
 * How to open and close one kind of connection: a factory of generic-pool whose `create` is given the credentials.
 * Everything but `create` and `destroy` may be left out.
 */
export interface CredentialsFactory<T> {
  /**
   * Opens a connection with the user and the password of one snapshot. Rejects once its socket is closed again: until
   * then it counts in `max`. `signal` aborts when nobody wants it any more.
   */
  create(credentials: Credentials, signal: AbortSignal): Promise<T>
  /** Closes a connection in good order; called once for each. Resolves when its socket is closed, which frees its place in `max`. */
  destroy(connection: T): Promise<void>
  /** Whether a connection may be lent, for `testOnBorrow`. What it throws, and a rejection, count as no. */
  validate?(connection: T): Promise<boolean>
  /**
   * Whether an error of `create` says that the server has turned the credentials away; `'locked'` where to try again
   * would do harm. What it throws counts as no. Default: no error does, and then a wrong password is one failure like any
   * other: nothing is bridged.
   */
  refused?(error: unknown): Refusal | boolean | undefined
  /**
   * Settles when the connection's socket is closed, for whatever reason; called once, when it is open. Where it is
   * given it frees the place in `max`, and a connection that the server has closed leaves the pool.
   */
  closed?(connection: T): Promise<unknown>
  /** Drops the socket at once: where `destroy` takes longer than `rotation.closeDeadline`, and for `atDrainDeadline: 'destroy'`. */
  kill?(connection: T): void
  /** Asks the server to stop what a connection is doing, for `atDrainDeadline`; `idle` is another one that nobody holds. */
  cancel?(connection: T, idle: T | undefined): void
  /** What tells a person which connection it is, in the report of the drain deadline. Never a secret. */
  describe?(connection: T): unknown
}

/** What an error of `create` says of the credentials; `undefined` where it is not about them. */
export function refusalBy<T>(factory: CredentialsFactory<T>, error: unknown): Refusal | undefined {
  try {
    const said = factory.refused?.(error)
    return said === true ? 'refused' : said || undefined
  } catch {
    // It may have met an error of a kind that it does not know. The dial has failed all the same.
    return undefined
  }
}
