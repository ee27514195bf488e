import {
  sendOurs,
  loginCommand,
  type CommandInternals,
  type CommandItem,
  type ReplyError,
} from './driver.ts'
import { refusalOf, withoutSecrets } from './refusal.ts'
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
  #turnedAway: CommandItem[] = []
  #later: CommandItem[] = []

  constructor(session: Session) {
    this.#session = session
  }

  /** Whether others are tried: then nothing else may be sent. */
  get isBridging(): boolean {
    return this.#refused !== undefined
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
      () => {},
    )
  }

  /** Takes an error out of the driver's hands where the login is at fault. */
  takes(error: ReplyError, item: CommandItem): boolean {
    if (this.isBridging && error.message.startsWith('NOAUTH')) {
      this.#turnedAway.push(item)
      return true
    }
    if (item.command !== this.#command) return false
    withoutSecrets(error)
    const refusal = refusalOf(error)
    if (refusal !== undefined) {
      this.#refused ??= item
      this.#session.login.refused(error, refusal)
      this.#tryNext(this.#refused)
    } else if (this.#refused === undefined) {
      return false
    } else {
      this.#refused.command.reject(error)
    }
    return true
  }

  /** Keeps a command until the login is through. */
  keep(item: CommandItem): void {
    this.#later.push(item)
  }

  /** Gives the driver back what waits for a login that will not come: it does with it what it does on a loss. */
  giveBack(): void {
    this.#through.resolve(false)
    const { commandQueue } = this.#session.redis
    const items = this.#take()
    for (const item of items.toReversed()) commandQueue.unshift(item)
  }

  #tryNext(refused: CommandItem): void {
    const { login, redis } = this.#session
    login.next(
      (credentials) => {
        if (this.#refused !== refused) return login.cancel()
        this.#session.use(credentials)
        const command = loginCommand(refused.command.name, credentials)
        this.#command = command
        command.promise.then(
          (reply) => this.#goOn(command, reply),
          () => {},
        )
        sendOurs(redis, command)
      },
      (error) => {
        this.giveBack()
        redis.silentEmit('error', error)
        redis.disconnect(true)
      },
    )
  }

  #admitted(): void {
    this.#session.login.accepted()
    this.#through.resolve(true)
  }

  #goOn(command: CommandInternals, reply: unknown): void {
    if (this.#command !== command) return
    const { redis } = this.#session
    this.#admitted()
    const [refused, ...others] = this.#take()
    refused?.command.resolve(reply)
    for (const item of others) redis.sendCommand(item.command, item.stream)
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
