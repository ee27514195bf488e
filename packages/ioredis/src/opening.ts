import { loginCommand, type CommandInternals, type CommandItem, type ReplyError } from './driver.ts'
import { needsNoPassword, refusalOf, withoutSecrets } from './refusal.ts'
import type { Session } from './session.ts'

/**
 * The login that a connection begins with. The driver sends it. Where the server refuses the credentials, others are
 * tried on the same connection, and what the server has turned away meanwhile, unread, is sent behind them.
 */
export class Opening {
  readonly #session: Session
  /** The AUTH or HELLO whose answer decides. */
  #command: CommandInternals | undefined
  /** The driver's own, once it was refused. */
  #refused: CommandItem | undefined
  readonly #through: PromiseWithResolvers<boolean> = Promise.withResolvers()
  #isGivenUp = false
  #turnedAway: CommandItem[] = []
  #later: CommandItem[] = []

  constructor(session: Session) {
    this.#session = session
  }

  /** Whether others are tried: then nothing else may be sent. */
  get isBridging(): boolean {
    return this.#refused !== undefined && !this.#isGivenUp
  }

  /** Whether the server has let it in: known when it has answered, or is gone. */
  get isThrough(): Promise<boolean> {
    return this.#through.promise
  }

  /** The driver sends its AUTH or HELLO. */
  sends(command: CommandInternals): void {
    this.#command = command
    command.promise.then(
      () => {
        if (this.#command === command) this.#admitted()
      },
      (error: unknown) => {
        // The driver warns, and goes on.
        if (this.#command === command && needsNoPassword(error)) this.#admitted()
      },
    )
  }

  /** Takes an error out of the driver's hands where the login is at fault. */
  takes(error: ReplyError, item: CommandItem): boolean {
    if (this.#refused !== undefined && isUnread(error)) {
      this.#turnedAway.push(alone(item))
      return true
    }
    if (item.command !== this.#command) return false
    withoutSecrets(error)
    const refusal = refusalOf(error)
    if (refusal === undefined) return false
    this.#refused = item
    this.#session.login.refused(error, refusal)
    this.#tryNext(item)
    return true
  }

  /** Keeps a command until the login is through. */
  keep(item: CommandItem): void {
    this.#later.push(alone(item))
  }

  /** Gives the driver back what waits for a login that will not come: it does with it what it does on a loss. */
  giveBack(): void {
    this.#through.resolve(false)
    const { commandQueue } = this.#session.redis
    const items = this.#take()
    for (const item of items.toReversed()) commandQueue.unshift(item)
  }

  #tryNext(refused: CommandItem): void {
    const { login } = this.#session
    login.next(
      (credentials) => {
        if (this.#refused !== refused || this.#session.isLeaving) return login.cancel()
        this.#session.use(credentials)
        this.#session.logIn(loginCommand(refused.command.name, credentials)).then(
          (reply) => this.#goOn(refused, reply),
          (error: unknown) => this.#failed(refused, error),
        )
      },
      (error) => this.#giveUp(error),
    )
  }

  #admitted(): void {
    this.#session.login.accepted()
    this.#through.resolve(true)
  }

  #goOn(refused: CommandItem, reply: unknown): void {
    if (this.#refused !== refused) return
    this.#admitted()
    const [, ...others] = this.#take()
    refused.command.resolve(reply)
    for (const item of others) this.#session.redis.sendCommand(item.command, item.stream)
  }

  #failed(refused: CommandItem, error: unknown): void {
    if (this.#refused !== refused) return
    const refusal = refusalOf(error)
    if (refusal === undefined) return this.#giveUp(error)
    this.#session.login.refused(error, refusal)
    this.#tryNext(refused)
  }

  /** What waits goes back when the socket is closed: until then answers may come, and each is that of the next in line. */
  #giveUp(error: unknown): void {
    this.#isGivenUp = true
    this.#through.resolve(false)
    const { redis } = this.#session
    redis.silentEmit('error', error)
    redis.disconnect(true)
  }

  #take(): CommandItem[] {
    if (this.#refused === undefined) return []
    const items = [this.#refused, ...this.#turnedAway, ...this.#later]
    this.#command = this.#refused = undefined
    this.#turnedAway = []
    this.#later = []
    return items
  }
}

/** Whether the server has turned a command away because nobody has logged in. The end of a transaction says it in its own way. */
function isUnread({ message }: Error): boolean {
  return /^(EXECABORT Transaction discarded because of: )?NOAUTH/.test(message)
}

/** A pipeline writes when it has been given all that is in it, and some of that the server may have answered. */
function alone({ command, select }: CommandItem): CommandItem {
  return { command, stream: undefined, select }
}
