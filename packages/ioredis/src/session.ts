import { randomUUID } from 'node:crypto'
import type { Credentials, Login, OpenOutcome, Rotation } from '@rekey/core'
import {
  authOf,
  commandOf,
  loginCommand,
  sendOurs,
  whenAnswered,
  type CommandInternals,
  type CommandItem,
  type RedisInternals,
  type ReplyError,
  type Stream,
} from './driver.ts'
import type { Group } from './group.ts'
import { Opening } from './opening.ts'
import { refusalOf, withoutSecrets } from './refusal.ts'

/** One connection of a client, from the moment that it asks for credentials until its socket is closed. */
export class Session {
  redis: RedisInternals
  readonly login: Login
  readonly opening: Opening = new Opening(this)
  /** Opened beside a client for one login: nothing else is done with it. */
  isAside: boolean
  /** What is opened beside it. */
  beside: RedisInternals | undefined
  readonly rotation: Rotation<Session>
  readonly #group: Group
  credentials: Credentials | undefined
  /** By the cache's clock. */
  loggedInAt = 0
  stream: Stream | undefined
  /** The MULTI that stands alone, until its EXEC: whatever is sent then becomes part of the transaction. */
  #transaction: CommandInternals | undefined
  /** Reads that block, or may. */
  blocked = 0
  /** The server's number for it. It is asked for ahead of a read that may have to be ended. */
  id: Promise<number> | undefined
  /** The rotation has asked for it while somebody held it. */
  isWanted = false
  #phase: 'connecting' | 'open' | 'leaving' | 'closed' = 'connecting'
  #isRenewing = false
  #isLost = false
  /** Commands of ours that are not answered, with what fails them. */
  readonly #sent = new Map<CommandInternals, (error: unknown) => void>()
  /** What others than the driver listen to on its socket. */
  readonly #foreign = new Set<unknown>()
  /** What the driver does. */
  #handlers: { event: 'close' | 'error'; listener: () => void }[] = []

  constructor(redis: RedisInternals, group: Group, login: Login, isAside = false) {
    this.redis = redis
    this.login = login
    this.isAside = isAside
    this.#group = group
    this.rotation = group.rotation
    this.rotation.dialling(this)
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  get isLeaving(): boolean {
    return this.#phase === 'leaving'
  }

  get isFree(): boolean {
    const { redis, inTransaction, blocked, opening } = this
    if (!this.isOpen || this.isAside || inTransaction || blocked > 0 || opening.isBridging)
      return false
    return !this.#isRenewing && redis.options.monitor !== true
  }

  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  /** MULTI is sent. One that the server refuses begins nothing. In a pipeline its EXEC comes right behind. */
  begins(command: CommandInternals, isAlone: boolean): void {
    if (this.inTransaction) return
    this.#transaction = command
    if (!isAlone) return
    whenAnswered(this.redis, command, (error) => {
      if (error !== undefined && this.#transaction === command) this.ends()
    })
  }

  /** EXEC or DISCARD is sent, which ends what was begun whatever the server answers. */
  ends(): void {
    this.#transaction = undefined
    this.givenBack()
  }

  /** What it logs in with, from now on. */
  use(credentials: Credentials): void {
    this.loggedInAs(credentials)
    const { condition } = this.redis
    if (condition === null) return
    Object.defineProperty(condition, 'auth', {
      value: authOf(credentials),
      configurable: true,
      writable: true,
      // Whoever prints the client does not see it.
      enumerable: false,
    })
  }

  loggedInAs(credentials: Credentials): void {
    this.loggedInAt = this.#group.credentials.clock.now()
    this.belongsTo(credentials)
  }

  belongsTo(credentials: Credentials): void {
    this.credentials = credentials
    this.rotation.tag(this, credentials)
  }

  /** The driver is through with it. That may be so before the server has answered the login. */
  async ready(): Promise<void> {
    if (!(await this.opening.isThrough) || this.#phase !== 'connecting') return
    this.#phase = 'open'
    this.rotation.ready(this)
  }

  /** It has been told to close: nothing of ours is sent any more, and nothing takes its place. */
  leaves(): void {
    if (this.#phase !== 'closed') this.#phase = 'leaving'
  }

  closed(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.login.cancel()
    this.opening.giveBack()
    this.beside?.disconnect()
    this.rotation.closed(this)
  }

  /** It reads, and may block. The rotation has its turn before the next one, and behind the last. */
  blocks(command: CommandInternals, isAlone: boolean): void {
    // In a pipeline what came before is not on its way yet.
    if (isAlone && this.isWanted) {
      const { blocked } = this
      this.blocked = 0
      this.#offer()
      this.blocked = blocked
    }
    if (isAlone && !this.inTransaction && this.#group.options.atDrainDeadline === 'cancel') {
      this.id ??= this.#askForId()
    }
    this.blocked += 1
    whenAnswered(this.redis, command, () => {
      this.blocked -= 1
      this.givenBack()
    })
  }

  /** Somebody no longer holds it. The rotation hears of it when all that is being sent is on its way. */
  givenBack(): void {
    if (this.isWanted) queueMicrotask(() => this.#offer())
  }

  #askForId(): Promise<number> {
    const command = commandOf('client', ['ID'])
    const id = this.send(command).then(async () => Number(await command.promise))
    id.catch(() => (this.id = undefined))
    return id
  }

  #offer(): void {
    if (!this.isFree) return
    this.isWanted = false
    this.rotation.givenBack()
  }

  /** What tells a person which connection this is, and what it does. */
  get description(): object {
    const { redis, inTransaction, blocked } = this
    return {
      name: redis.options.connectionName ?? undefined,
      localPort: this.stream?.localPort,
      doing: redis.options.monitor
        ? 'MONITOR'
        : inTransaction
          ? 'MULTI'
          : blocked > 0
            ? 'blocking read'
            : redis.status,
    }
  }

  /** Takes an error out of the driver's hands where it is about a login of ours. */
  takes(error: ReplyError, item: CommandItem): boolean {
    if (!this.#sent.has(item.command)) return this.opening.takes(error, item)
    item.command.reject(withoutSecrets(error))
    return true
  }

  /** Logs in again on the open connection, which is what it was where that fails. */
  authenticate(login: Login, done: (outcome: OpenOutcome) => void): void {
    login.next(
      (credentials) => {
        // It may have had to wait for its turn.
        if (!this.isFree) {
          login.cancel()
          return done('failed')
        }
        this.#isRenewing = true
        void this.logIn(loginCommand('auth', credentials))
          .then(
            () => {
              this.loggedInAs(credentials)
              login.accepted()
              return 'opened' as const
            },
            (error: unknown) => {
              const refusal = refusalOf(error)
              if (refusal === undefined) login.cancel()
              else login.refused(error, refusal)
              return refusal === undefined ? ('failed' as const) : ('refused' as const)
            },
          )
          .then((outcome) => {
            this.#isRenewing = false
            done(outcome)
          })
      },
      () => done('refused'),
    )
  }

  /**
   * Sends a command of ours behind all that was sent, past what the driver does with a user's. It is never sent again: it
   * fails when the connection is lost.
   */
  async send(command: CommandInternals, answered: () => void = () => {}): Promise<void> {
    if (this.#isLost || this.isLeaving) throw closed()
    const { resolve } = command
    command.resolve = (reply) => {
      answered()
      resolve.call(command, reply)
    }
    const lost = Promise.withResolvers<never>()
    this.#sent.set(command, lost.reject)
    sendOurs(this.redis, command)
    try {
      await Promise.race([command.promise, lost.promise])
    } finally {
      this.#sent.delete(command)
    }
  }

  /**
   * Sends an AUTH or a HELLO of ours. Redis (since 8.0 and its fixes of that time) gives no answer to one that it refuses
   * while another answer is on its way out, and then every answer would be taken for the one before it. So a PING goes
   * right behind: where what comes is its answer, it is known that there is no other.
   */
  async logIn(command: CommandInternals): Promise<unknown> {
    const word = randomUUID()
    const witness = commandOf('ping', [word])
    const { resolve, reject } = command
    const refused = (): void => {
      const { commandQueue } = this.redis
      if (commandQueue.peekAt(0)?.command === witness) commandQueue.remove(0, 1)
      reject.call(command, new Error('WRONGPASS (refused without an answer)'))
    }
    command.resolve = (reply) => {
      if (String(reply) === word) refused()
      else resolve.call(command, reply)
    }
    command.reject = (error) => {
      // AUTH needs neither a login nor a permission; PING does.
      if (/^(NOAUTH|NOPERM)/.test(error.message)) refused()
      else reject.call(command, error)
    }
    const answer = this.send(command)
    // Who may not send it has an answer all the same.
    this.send(witness).catch(() => {})
    await answer
    return command.promise
  }

  /** The driver has been given a socket, and listens. */
  connected(stream: Stream): void {
    this.stream = stream
    this.#handlers = (['close', 'error'] as const).flatMap((event) =>
      stream
        .listeners(event)
        .filter((listener) => !this.#foreign.has(listener))
        .map((listener) => ({ event, listener: listener as () => void })),
    )
    stream.prependListener('close', () => this.#lost())
  }

  /** Its socket, before the driver listens. */
  receives(stream: Stream): void {
    for (const event of ['close', 'error']) {
      for (const listener of stream.listeners(event)) this.#foreign.add(listener)
    }
  }

  /** Another connection, which was opened beside the client, is the client's from now on. */
  isSucceededBy(other: Session): void {
    const { redis: client, stream: old } = this
    const next = other.stream
    if (old === undefined || next === undefined) return
    clearTimeout(client.socketTimeoutTimer)
    client.socketTimeoutTimer = undefined
    old.removeAllListeners('data')
    for (const { event, listener } of this.#handlers) old.removeListener(event, listener)
    for (const { event, listener } of other.#handlers) next.removeListener(event, listener)
    for (const { event, listener } of this.#handlers) next.once(event, listener)
    client.stream = client.connector.stream = next
    this.#group.succeeds(other.redis, client, other)
    this.beside = undefined
    other.redis = client
    other.isAside = false
    other.#handlers = this.#handlers
    // What still comes from it has come from the other one.
    old.on('error', () => {})
    old.once('close', () => this.closed())
    old.resume()
    this.rotation.closing(this)
    old.end()
  }

  /** Its socket is closed. The driver hears of that next, and would send again what is ours. */
  #lost(): void {
    this.#isLost = true
    this.opening.giveBack()
    const { commandQueue } = this.redis
    for (let index = commandQueue.length - 1; index >= 0; index -= 1) {
      const command = commandQueue.peekAt(index)?.command
      if (command !== undefined && this.#sent.has(command)) commandQueue.remove(index, 1)
    }
    for (const fail of this.#sent.values()) fail(closed())
  }
}

function closed(): Error {
  return new Error('Connection is closed.')
}
