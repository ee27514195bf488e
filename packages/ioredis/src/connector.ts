import { RekeyError, replaceMembers } from '@rekey/core'
import { SentinelConnector, type RedisOptions } from 'ioredis'
import { attach } from './attach.ts'
import {
  DriverClient,
  type ConnectorClass,
  type ConnectorInternals,
  type RedisInternals,
} from './driver.ts'
import type { Group } from './group.ts'

/** On a connector class of ours: the one that stood there before, if one did. */
const given: unique symbol = Symbol('rekey.ioredis.Connector')

const Sentinel = SentinelConnector as unknown as ConnectorClass
// The driver does not export it, but every client has one.
const Standalone = new DriverClient({ lazyConnect: true }).connector.constructor as ConnectorClass

/** A connector class that has the client for which it is made join a group. */
export function rotatingConnector(group: Group, Given: unknown): ConnectorClass {
  const Own = withoutOurs(Given)
  // What it makes is the driver's own connector.
  return class Connector {
    static readonly [given]: ConnectorClass | undefined = Own

    constructor(options: RedisOptions) {
      const connector = new (Own ?? (options.sentinels ? Sentinel : Standalone))(options)
      // A client of another copy of the driver sets it without our knowing.
      replaceMembers(connector, { connect: () => Promise.reject(otherCopy()) })
      adoptNext(group, connector)
      return connector
    }
  } as unknown as ConnectorClass
}

/** The connector class that options had without us. One of ours that came along in a copy belongs to another group. */
export function withoutOurs(Given: unknown): ConnectorClass | undefined {
  const Class = (Given ?? undefined) as
    | (ConnectorClass & { [given]?: ConnectorClass | undefined })
    | undefined
  return Class !== undefined && given in Class ? Class[given] : Class
}

/**
 * Has the client that is being constructed join a group. Nobody tells a connector whose it is, but the first thing that
 * the driver does with one is to set it on its client: for that one step there is a setter.
 */
export function adoptNext(group: Group, connector?: ConnectorInternals): () => void {
  const prototype = DriverClient.prototype as RedisInternals
  const release = (): void => void Reflect.deleteProperty(prototype, 'connector')
  Object.defineProperty(prototype, 'connector', {
    configurable: true,
    set(this: RedisInternals, value: ConnectorInternals) {
      release()
      this.connector = value
      if (connector !== undefined && value !== connector) return
      if (value === connector) Reflect.deleteProperty(connector, 'connect')
      // As the driver does it for its own.
      if ('emitter' in value) value.emitter = this
      attach(this, group)
    },
  })
  // For a connector that nobody sets.
  queueMicrotask(release)
  return release
}

function otherCopy(): RekeyError {
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    'The options of rotatingRedisOptions were given to another copy of ioredis than the one next to @rekey/ioredis.',
    {
      option: 'Connector',
      given: 'a client of another copy of ioredis',
      allowed: 'one copy of ioredis: see `npm ls ioredis`',
    },
  )
}
