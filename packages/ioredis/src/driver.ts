import type { Socket } from 'node:net'
import type { Credentials } from '@rekey/core'
import { Cluster, Redis, type ClusterNode, type ClusterOptions, type RedisOptions } from 'ioredis'

// What is used of the driver beyond its published types. Tests run against the oldest and the newest version.

/** A command that is sent, and waits for its reply. */
export interface CommandItem {
  readonly command: CommandInternals
  readonly stream: unknown
  readonly select: number
}

export interface CommandInternals {
  readonly name: string
  readonly args: unknown[]
  readonly promise: Promise<unknown>
  toWritable(stream: Stream): string | Buffer
  /** Called as soon as the reply has been read. */
  resolve: (reply: unknown) => void
  reject: (error: Error) => void
}

/** The driver's queue of commands. */
interface CommandQueue {
  readonly length: number
  peekAt(index: number): CommandItem | undefined
  push(item: CommandItem): void
  unshift(item: CommandItem): void
  remove(index: number, count: number): unknown
}

/** The socket of a connection, plain or TLS. */
export type Stream = Socket

export interface ConnectorInternals {
  stream?: Stream
  firstError?: unknown
  emitter?: unknown
  connect(emit: (type: string, error: unknown) => void): Promise<Stream>
  disconnect(): void
}

export type ConnectorClass = new (options: RedisOptions) => ConnectorInternals

/** What a connection has subscribed to. */
interface SubscriptionSet {
  channels(set: 'subscribe' | 'psubscribe' | 'ssubscribe'): string[]
}

interface Condition {
  select: number
  auth?: unknown
  subscriber: SubscriptionSet | false
  /** Since ioredis 6. */
  protocol?: 2 | 3
}

export interface RedisInternals {
  options: RedisOptions
  status: string
  stream: Stream
  condition: Condition | null
  commandQueue: CommandQueue
  connector: ConnectorInternals
  sendCommand(command: CommandInternals, stream?: unknown): unknown
  socketTimeoutTimer?: NodeJS.Timeout | undefined
  setStatus(status: string, value?: unknown): void
  handleReconnection(error: ReplyError, item: CommandItem): void
  recoverFromFatalError(commandError: Error, error: Error, options: unknown): void
  silentEmit(event: string, value: unknown): boolean
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  on(event: string, listener: (value: unknown) => void): unknown
  emit(event: string, ...values: unknown[]): boolean
  listeners(event: string): unknown[]
}

/** The driver's class, as we see it. */
export const DriverClient: new (...values: unknown[]) => RedisInternals = Redis as unknown as new (
  ...values: unknown[]
) => RedisInternals

export interface ClusterInternals {
  readonly status: string
  readonly options: ClusterOptions
  readonly startupNodes: ClusterNode[]
  /** Subscribes for the cluster, with one client at a time. */
  readonly subscriber: { selectSubscriber(): void }
  setStatus(status: string): void
  emit(event: string, ...values: unknown[]): boolean
}

/** The driver's class, as we see it. */
export const DriverClusterClient: new (...values: unknown[]) => ClusterInternals =
  Cluster as unknown as new (...values: unknown[]) => ClusterInternals

/** An error that the server answered. */
export interface ReplyError extends Error {
  command?: { name: string; args: unknown[] }
}

/** Whether a connection may do nothing but subscribe: it cannot log in again then. */
export function isSubscriber({ condition }: RedisInternals): boolean {
  return Boolean(condition?.subscriber) && condition?.protocol !== 3
}

/** What the driver's handshake is given. A server without users knows the password of `default` alone. */
export function authOf({ user, password }: Credentials): string | [string, string] {
  return user === 'default' ? password.reveal() : [user, password.reveal()]
}

export function commandOf(name: string, args: (string | number)[] = []): CommandInternals {
  return new Redis.Command(name, args)
}

export function loginCommand(name: string, credentials: Credentials): CommandInternals {
  if (name !== 'hello') return commandOf(name, [authOf(credentials)].flat())
  return commandOf(name, [3, 'AUTH', credentials.user, credentials.password.reveal()])
}

/**
 * Says when the server has answered a command: not when its sender no longer waits for that. It leaves the promise alone:
 * one that nobody looks at is the process's matter when it fails.
 */
export function whenAnswered(
  redis: RedisInternals,
  command: CommandInternals,
  answered: (error?: Error) => void,
): void {
  const { resolve, reject } = command
  let isOver = false
  const settled = (mayBeTooEarly: boolean, error?: Error): void => {
    if (isOver || (mayBeTooEarly && isUnanswered(redis, command))) return
    isOver = true
    answered(error)
  }
  command.resolve = (reply) => {
    resolve.call(command, reply)
    // It is null also where the client's own time limit is over.
    settled(reply === null)
  }
  command.reject = (error) => {
    reject.call(command, error)
    settled(error.name !== 'ReplyError', error)
  }
}

/** A command leaves the queue when its answer is read. */
function isUnanswered({ commandQueue }: RedisInternals, command: CommandInternals): boolean {
  for (let index = 0; index < commandQueue.length; index += 1) {
    if (commandQueue.peekAt(index)?.command === command) return true
  }
  return false
}

/** Whether it is what was sent last. */
export function isLast({ commandQueue }: RedisInternals, command: CommandInternals): boolean {
  return commandQueue.peekAt(commandQueue.length - 1)?.command === command
}

/** Sends a command of ours past all that the driver does with a user's. */
export function sendOurs(redis: RedisInternals, command: CommandInternals): void {
  redis.stream.write(command.toWritable(redis.stream))
  const select = redis.condition?.select ?? 0
  redis.commandQueue.push({ command, stream: undefined, select })
}
