import type { GenerationCounts } from '@rekey/core'
import { Redis as RekeyRedis } from '@rekey/ioredis'
import { Redis, type RedisOptions } from 'ioredis'
import { DrillError } from '../../error.ts'
import type { DriverPools } from '../pools.ts'
import type { PoolOptions } from '../target.ts'
import { Exclusive } from './exclusive.ts'
import { redisUnits } from './units.ts'

/** Where the server is, and what all keys and channels of the drill begin with. */
export interface Place {
  readonly connection: Pick<RedisOptions, 'host' | 'port' | 'path' | 'tls' | 'db' | 'family'>
  readonly prefix: string
}

type OwnOptions = Place['connection'] & Pick<RedisOptions, 'protocol'>

/** Who listens to a channel. */
export type Inbox = Map<string, (message: string) => void>

/** The clients that a service has: Redis knows no pool, but some commands need a connection of their own. */
export interface Clients<Client extends Redis = Redis> {
  /** Shared by all callers. */
  readonly commands: Redis
  /** Does nothing but subscribe. */
  readonly subscriber: Redis
  /** For transactions that are written by hand, and for reads that block. */
  readonly exclusive: Exclusive<Redis>
  readonly all: readonly Client[]
  /** When the subscription stands. */
  readonly listening: Promise<unknown>
}

/**
 * Sessions beside the exclusive ones: the client for commands, the one that subscribes, and the one that takes its place
 * in a rotation.
 */
const others = 3

/** The smallest ceiling under which there is one exclusive client. */
export const leastMax: number = others + 1

/** How many clients are lent to one caller at a time. @throws {DrillError} if the ceiling has no room for one. */
function exclusives(max: number, passwordAlone: boolean): number {
  // Another password of the user whom a connection has logged in as is proven by a second one, for each client.
  const count = passwordAlone ? Math.floor(max / 2) - 2 : max - others
  if (count > 0) return count
  throw new DrillError(
    `max is ${max}; where a user's password changes and the user does not, it has to be 6 or more: each client may ` +
      'have a second connection for a moment.',
  )
}

/** `reconnects`: whether a stock client that is told of a new login closes its connection, to make another one with it. */
export function redisPools(place: Place, reconnects: boolean): DriverPools<Clients> {
  // Of the service, not of a client: who subscribes anew goes on with the same listeners.
  const inbox: Inbox = new Map()
  const { connection, prefix } = place

  function open<Client extends Redis>(
    make: (own: OwnOptions) => Client,
    { max, onLogin, onError, passwordAlone = false }: PoolOptions,
  ): Clients<Client> {
    const commands = make(connection)
    // In the older protocol, in which a connection that subscribes cannot log in again.
    const subscriber = make({ ...connection, protocol: 2 })
    const exclusive = Array.from({ length: exclusives(max, passwordAlone) }, () => make(connection))
    const all = [commands, subscriber, ...exclusive]
    for (const client of all) client.on('ready', onLogin).on('error', onError)
    subscriber.on('pmessage', (_, channel: string, message: string) => {
      inbox.get(channel)?.(message)
    })
    const listening = subscriber.psubscribe(`${prefix}*`)
    listening.catch(onError)
    return { commands, subscriber, exclusive: new Exclusive<Redis>(exclusive), all, listening }
  }

  return {
    openStock: ({ user, password }, options) =>
      open((own) => new Redis({ ...own, username: user, password }), options),
    openRekey(credentials, options) {
      const rotation = { spread: options.spread }
      const clients = open((own) => new RekeyRedis({ ...own, credentials, rotation }), options)
      return {
        ...clients,
        get generations(): GenerationCounts[] {
          return clients.all.flatMap(({ generations }) => generations)
        },
        async drained() {
          await Promise.all(clients.all.map((client) => client.drained()))
        },
      }
    },
    mutate({ all }, { user, password }) {
      for (const client of all) {
        Object.assign(client.options, { username: user, password })
        if (reconnects) client.disconnect(true)
      }
    },
    units: (clients) => redisUnits(clients, inbox, prefix),
    describe({ all, exclusive }) {
      const ready = all.filter(({ status }) => status === 'ready').length
      const { free, waiting } = exclusive.counts
      return `${ready} of ${all.length} clients ready, ${free} idle, ${waiting} waiting`
    },
    async end({ all }) {
      // One that has lost its connection cannot say goodbye.
      await Promise.all(all.map((client) => client.quit().catch(() => client.disconnect())))
    },
  }
}

/** QUIT; one that is ended otherwise says nothing. */
export function isGoodbye(chunk: Uint8Array): boolean {
  return /\*1\r\n\$4\r\nquit\r\n$/i.test(Buffer.from(chunk).toString('latin1'))
}
