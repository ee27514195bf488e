import { Socket } from 'node:net'
import { replaceMembers, type Login } from '@rekey/core'
import {
  isLast,
  type CommandInternals,
  type ConnectorInternals,
  type RedisInternals,
  type Stream,
} from './driver.ts'
import type { Group } from './group.ts'
import { Restoring } from './restoring.ts'
import { Session } from './session.ts'

const groups = new WeakMap<object, Group>()

/** The group that a client has joined. */
export function groupOf(client: object): Group | undefined {
  return groups.get(client)
}

/**
 * Has a client, which has not connected yet, take its credentials from its group's whenever it connects. One that is
 * opened aside brings the login that it is for.
 */
export function attach(redis: RedisInternals, group: Group, aside?: () => Login): void {
  const { sendCommand, setStatus, handleReconnection } = redis
  const restoring = new Restoring(redis)
  const watched: Pick<RedisInternals, 'sendCommand'> = {
    sendCommand(command, stream) {
      restoring.sends(command)
      const session = group.sessionOf(redis)
      if (session === undefined) return sendCommand.call(redis, command, stream)
      if (session.opening.isBridging && redis.status === 'ready') {
        session.opening.keep({ command, stream, select: redis.condition?.select ?? 0 })
        return command.promise
      }
      const kind = kinds.get(command.name)
      if (kind === undefined) return sendCommand.call(redis, command, stream)
      const isAlone = stream === undefined
      before(redis, session, kind, command, isAlone)
      const answer = sendCommand.call(redis, command, stream)
      // What is queued comes by again when it is sent.
      if (isLast(redis, command)) behind(session, kind, command, isAlone)
      return answer
    },
  }
  groups.set(redis, group)
  attachConnector(redis, group, aside)
  replaceMembers(redis, {
    ...watched,
    setStatus(status, value) {
      // In monitor mode the driver has put its own there, and deleted it when the connection was closed.
      if (status === 'connecting' && !Object.hasOwn(redis, 'sendCommand')) {
        replaceMembers(redis, watched)
      }
      setStatus.call(redis, status, value)
      const session = group.sessionOf(redis)
      if (status === 'connect') session?.connected(redis.stream)
      if (status === 'ready') {
        restoring.begins()
        void session?.ready()
      }
      if (status === 'close' || status === 'end') {
        session?.closed()
        group.has(redis, undefined)
      }
      if (status === 'end') group.leaves(redis)
    },
    handleReconnection(error, item) {
      if (group.sessionOf(redis)?.takes(error, item)) return
      handleReconnection.call(redis, error, item)
    },
  })
}

function attachConnector(redis: RedisInternals, group: Group, aside?: () => Login): void {
  const { connector } = redis
  const { connect, disconnect } = connector
  /** What the driver waits for while there are no credentials to try. */
  let waiting: PromiseWithResolvers<Stream> | undefined

  replaceMembers(connector, {
    connect(emit) {
      const login = aside?.() ?? group.rotation.logins.start('caller')
      const session = new Session(redis, group, login, aside !== undefined)
      group.has(redis, session)
      let connected: Promise<Stream> | undefined
      session.login.next(
        (credentials) => {
          session.use(credentials)
          connected = connect.call(connector, emit).then((stream) => {
            session.receives(stream)
            return stream
          })
          waiting?.resolve(connected)
        },
        // The driver would never try again after a rejection.
        (error) => {
          connected = Promise.resolve(failed(connector, error))
          waiting?.resolve(connected)
        },
      )
      if (connected !== undefined) return connected
      waiting = Promise.withResolvers()
      return waiting.promise.finally(() => (waiting = undefined))
    },
    disconnect() {
      const session = group.sessionOf(redis)
      session?.leaves()
      session?.rotation.closing(session)
      if (waiting !== undefined) {
        session?.login.cancel()
        waiting.resolve(failed(connector, undefined))
      }
      disconnect.call(connector)
    },
  })
}

/** A connection that has failed already, for the driver to treat as any other. */
function failed(connector: ConnectorInternals, error: unknown): Stream {
  const stream = new Socket()
  stream.destroy()
  connector.stream = stream
  connector.firstError = error
  return stream
}

/** What has to be done before a command is sent. */
function before(
  redis: RedisInternals,
  session: Session,
  kind: Kind,
  command: CommandInternals,
  isAlone: boolean,
): void {
  if (kind === 'login' && redis.status === 'connect') session.opening.sends(command)
  if (kind === 'blocks' && redis.status === 'ready') session.blocks(command, isAlone)
}

/** And what when it is on its way: up to ioredis 5, some are before the client is ready. */
function behind(session: Session, kind: Kind, command: CommandInternals, isAlone: boolean): void {
  if (kind === 'begins') session.begins(command, isAlone)
  if (kind === 'ends') session.ends()
  if (kind === 'leaves') session.leaves()
}

const blocking = [
  'blpop',
  'brpop',
  'blmove',
  'blmovem',
  'brpoplpush',
  'blmpop',
  'bzpopmin',
  'bzpopmax',
  'bzmpop',
  'xread',
  'xreadgroup',
  'wait',
  'waitaof',
]

type Kind = 'login' | 'begins' | 'ends' | 'blocks' | 'leaves'

// A command that is sent by `call` has the name that its sender wrote.
const kinds: ReadonlyMap<string, Kind> = new Map(
  [
    ...['auth', 'hello'].map((name) => [name, 'login'] as const),
    ['multi', 'begins'] as const,
    ...['exec', 'discard'].map((name) => [name, 'ends'] as const),
    ...blocking.map((name) => [name, 'blocks'] as const),
    ['quit', 'leaves'] as const,
  ].flatMap(([name, kind]) => [[name, kind] as const, [name.toUpperCase(), kind] as const]),
)
