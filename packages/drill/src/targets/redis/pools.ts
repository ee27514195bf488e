import type { GenerationCounts } from '@rekey/core'
import { Redis as RekeyRedis } from '@rekey/ioredis'
import { createRedisPool } from '@rekey/ioredis/pool'
import { Redis, type Cluster, type RedisOptions } from 'ioredis'
import { DrillError } from '../../error.ts'
import type { DriverPools } from '../pools.ts'
import type { PoolOptions } from '../target.ts'
import { Exclusive, lentBy, type Lender } from './exclusive.ts'
import { redisUnits } from './units.ts'

/** Where the server is, and what all keys and channels of the drill begin with. */
export interface Place {
  readonly connection: Pick<
    RedisOptions,
    'host' | 'port' | 'path' | 'tls' | 'db' | 'family' | 'sentinels' | 'name'
  >
  readonly prefix: string
}

type OwnOptions = Place['connection'] & Pick<RedisOptions, 'protocol'>

/** Who listens to a channel. */
export type Inbox = Map<string, (message: string) => void>

/** The clients that a service has: Redis knows no pool, but some commands need a connection of their own. */
export interface Clients extends Shared {
  /** For transactions that are written by hand, and for reads that block. */
  readonly exclusive: Lender<Redis>
  /** Those that live as long as the service. */
  readonly all: readonly Redis[]
  end(): Promise<void>
}

interface Shared<Client extends Redis = Redis> {
  /** Shared by all callers. */
  readonly commands: Client
  /** Does nothing but subscribe. */
  readonly subscriber: Client
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
function exclusives({ max, passwordAlone = false }: PoolOptions): number {
  // Another password of the user whom a connection has logged in as is proven by a second one, for commands, too.
  const least = passwordAlone ? leastMax + 1 : leastMax
  if (max >= least) return max - least + 1
  throw new DrillError(
    `max is ${max}; where a user's password changes and the user does not, it has to be ${least} or more: both clients ` +
      'that are shared may have a second connection for a moment.',
  )
}

/** `reconnects`: whether a stock client that is told of a new login closes its connection, to make another one with it. */
export function redisPools(place: Place, reconnects: boolean): DriverPools<Clients> {
  // Of the service, not of a client: who subscribes anew goes on with the same listeners.
  const inbox: Inbox = new Map()
  const { connection, prefix } = place

  function openShared<Client extends Redis>(
    make: (own: OwnOptions) => Client,
    { onError }: PoolOptions,
  ): Shared<Client> {
    const commands = make(connection)
    // In the older protocol, in which a connection that subscribes cannot log in again.
    const subscriber = make({ ...connection, protocol: 2 })
    subscriber.on('pmessage', (_, channel: string, message: string) => {
      inbox.get(channel)?.(message)
    })
    const listening = subscriber.psubscribe(`${prefix}*`)
    listening.catch(onError)
    return { commands, subscriber, listening }
  }

  return {
    openStock({ user: username, password }, options) {
      const length = exclusives(options)
      const make = (own: OwnOptions): Redis =>
        watched(new Redis({ ...own, username, password }), options)
      const shared = openShared(make, options)
      const lent = Array.from({ length }, () => make(connection))
      const all = [shared.commands, shared.subscriber, ...lent]
      return { ...shared, exclusive: new Exclusive(lent), all, end: () => quit(all) }
    },
    openRekey(credentials, options) {
      const max = exclusives(options)
      const rotation = { spread: options.spread }
      const make = (own: OwnOptions): RekeyRedis =>
        watched(new RekeyRedis({ ...own, credentials, rotation }), options)
      const shared = openShared(make, options)
      const pool = createRedisPool(credentials, connection, { max, rotation })
      const all = [shared.commands, shared.subscriber]
      const rotating = [...all, pool]
      return {
        ...{ ...shared, exclusive: lentBy(pool, options.onLogin), all },
        async end() {
          await Promise.all([quit(all), pool.drain().then(() => pool.clear())])
        },
        get generations(): GenerationCounts[] {
          return rotating.flatMap(({ generations }) => generations)
        },
        async drained() {
          await Promise.all(rotating.map((each) => each.drained()))
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
    describe: describeClients,
    end: (clients) => clients.end(),
  }
}

export function describeClients({
  all,
  exclusive,
}: {
  readonly all: readonly Pick<Redis | Cluster, 'status'>[]
  readonly exclusive: Pick<Lender<unknown>, 'counts'>
}): string {
  const ready = all.filter(({ status }) => status === 'ready').length
  const { free, waiting } = exclusive.counts
  return `${ready} of ${all.length} clients ready, ${free} idle, ${waiting} waiting`
}

/** QUIT; one that is ended otherwise says nothing. */
export function isGoodbye(chunk: Uint8Array): boolean {
  return /\*1\r\n\$4\r\nquit\r\n$/i.test(Buffer.from(chunk).toString('latin1'))
}

function watched<Client extends Redis>(client: Client, { onLogin, onError }: PoolOptions): Client {
  return client.on('ready', onLogin).on('error', onError)
}

/** One that has lost its connection cannot say goodbye. */
export async function quit(clients: readonly (Redis | Cluster)[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      await comingBack(client)
      await client.quit().catch(() => client.disconnect())
    }),
  )
}

/** Waits while it logs in. One that is ended then subscribes again all the same, and nobody would catch that this fails. */
async function comingBack(client: Redis | Cluster): Promise<void> {
  if (client.status !== 'connect') return
  await new Promise<void>((resolve) => {
    client.once('ready', resolve).once('close', resolve)
  })
}
