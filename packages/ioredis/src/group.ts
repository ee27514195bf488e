import {
  Rotation,
  type CredentialsCache,
  type DrainedMessage,
  type GenerationCounts,
  type RenewingDriver,
} from '@rekey/core'
import type { RedisInternals } from './driver.ts'
import type { RotationOptions } from './options.ts'
import { prove, renew } from './renew.ts'
import type { Session } from './session.ts'
import { unblock } from './unblock.ts'

/** The connections that rotate together: those of one client, of one cluster, or of one set of options. */
export class Group {
  readonly credentials: CredentialsCache
  readonly options: RotationOptions
  readonly #driver: RenewingDriver<Session>
  readonly #isOver: () => boolean
  /** The clients that have connected and not ended, each with the connection that it has at the moment. */
  readonly #clients = new Map<RedisInternals, Session | undefined>()
  #rotation: Rotation<Session> | undefined
  #isClosed = false

  constructor(
    name: string,
    credentials: CredentialsCache,
    options: RotationOptions,
    drained: (message: DrainedMessage) => void,
    isOver: () => boolean = () => true,
  ) {
    this.credentials = credentials
    this.options = options
    this.#isOver = isOver
    this.#driver = {
      name,
      idle: () => this.#idle(),
      renew: (session, done) => renew(session, this, done),
      prove: (session, done) => prove(session, this, done),
      destroy: (session) => session.stream?.destroy(),
      cancel: (session) => {
        // Where its socket is dropped, too, the server ends the read by itself.
        if (options.atDrainDeadline === 'cancel') unblock(session, this)
      },
      describe: (session) => session.description,
      // Out of the rotation's hands: what a listener throws is not its own.
      drained: (message) => process.nextTick(drained, message),
    }
    // Whoever never connects needs no rotation, but is told now what is wrong with its options.
    new Rotation(credentials, this.#driver, options).close()
  }

  /** The one for all of them. After everybody has ended it goes on with the next: what has worked is tried again then. */
  get rotation(): Rotation<Session> {
    if (this.#isClosed) this.#rotation?.reopen()
    this.#isClosed = false
    return (this.#rotation ??= new Rotation(this.credentials, this.#driver, this.options))
  }

  get generations(): GenerationCounts[] {
    return this.#rotation?.generations ?? []
  }

  drained(): Promise<void> {
    return this.#rotation?.drained() ?? Promise.resolve()
  }

  sessionOf(client: RedisInternals): Session | undefined {
    return this.#clients.get(client)
  }

  /** The client has another connection, or for now none. */
  has(client: RedisInternals, session: Session | undefined): void {
    this.#clients.set(client, session)
  }

  /** What was opened beside a client is its own connection from now on. */
  succeeds(side: RedisInternals, client: RedisInternals, session: Session): void {
    this.#clients.delete(side)
    this.#clients.set(client, session)
  }

  /** The client has ended. It may connect again. */
  leaves(client: RedisInternals): void {
    this.#clients.delete(client)
    this.closeIfOver()
  }

  /** Nobody is left, and nobody is about to come. */
  closeIfOver(): void {
    if (!this.#isOver() || ![...this.#clients.values()].every((session) => session?.isAside)) return
    this.#isClosed = true
    this.#rotation?.close()
  }

  *#idle(): Iterable<Session> {
    for (const session of this.#clients.values()) {
      if (session === undefined) continue
      if (session.isFree) yield session
      else session.isWanted = true
    }
  }
}
