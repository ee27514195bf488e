import type { GenerationCounts } from '@rekey/core'
import { Cluster as RekeyCluster } from '@rekey/ioredis'
import { Cluster, type Redis } from 'ioredis'
import type { Address } from '../../servers/server.ts'
import type { DriverPools } from '../pools.ts'
import type { PoolOptions } from '../target.ts'
import { clusterUnits } from './cluster-units.ts'
import { Exclusive, type Lender } from './exclusive.ts'
import { describeClients, quit, type Inbox } from './pools.ts'

/** Where a Cluster is found, and what all keys and channels of the drill begin with. */
export interface ClusterPlace {
  readonly startupNodes: readonly Address[]
  readonly prefix: string
}

/** The clients that a service has of a Cluster. */
export interface ClusterClients {
  /** Shared by all callers, and subscribes for them. */
  readonly shared: Cluster
  /** When the subscription stands. */
  readonly listening: Promise<unknown>
  /** For reads that block, of lists in one slot. */
  readonly exclusive: Lender<Cluster>
  readonly all: readonly Cluster[]
}

/**
 * Sessions of the shared client: at each of six nodes, the one that subscribes, the one that takes its place or proves a
 * password, and the one that asks who has which slots.
 */
const sharedSessions = 9

/** Of one for reads that block: at the node of its slot, at the one that follows it, at the one it met first, and the last two. */
const exclusiveSessions = 5

/** The smallest ceiling under which there is one client for reads that block. */
export const leastClusterMax: number = sharedSessions + exclusiveSessions

/** The subscription is in the older protocol, in which a connection that subscribes cannot log in again. */
const settings = { redisOptions: { protocol: 2 }, slotsRefreshTimeout: 3_000 } as const

/** `reconnects`: whether a stock client that is told of a new login closes its connections, to make others with it. */
export function clusterPools(
  place: ClusterPlace,
  reconnects: boolean,
): DriverPools<ClusterClients> {
  // Of the service, not of a client: who subscribes anew goes on with the same listeners.
  const inbox: Inbox = new Map()
  const { prefix } = place

  function open<Client extends Cluster>(
    make: (nodes: Address[]) => Client,
    options: PoolOptions,
  ): Omit<ClusterClients, 'all'> & { readonly all: readonly Client[] } {
    const makeOne = (): Client => watched(make([...place.startupNodes]), options)
    const shared = makeOne()
    shared.on('pmessage', (_, channel: string, message: string) => {
      inbox.get(channel)?.(message)
    })
    const listening = shared.psubscribe(`${prefix}*`)
    listening.catch(options.onError)
    const length = Math.floor((options.max - sharedSessions) / exclusiveSessions)
    const lent = Array.from({ length }, makeOne)
    return { shared, listening, exclusive: new Exclusive(lent), all: [shared, ...lent] }
  }

  return {
    openStock({ user: username, password }, options) {
      return open((nodes) => {
        const redisOptions = { ...settings.redisOptions, username, password }
        return new Cluster(nodes, { ...settings, redisOptions })
      }, options)
    },
    openRekey(credentials, options) {
      const rotation = { spread: options.spread }
      const clients = open(
        (nodes) => new RekeyCluster(nodes, { ...settings, credentials, rotation }),
        options,
      )
      const { all } = clients
      return {
        ...clients,
        get generations(): GenerationCounts[] {
          return all.flatMap(({ generations }) => generations)
        },
        async drained() {
          await Promise.all(all.map((each) => each.drained()))
        },
      }
    },
    mutate({ all }, { user, password }) {
      for (const client of all) {
        Object.assign(client.options.redisOptions ?? {}, { username: user, password })
        if (reconnects) client.disconnect(true)
      }
    },
    units: (clients) => clusterUnits(clients, inbox, prefix),
    describe: describeClients,
    end: ({ all }) => quit(all),
  }
}

function watched<Client extends Cluster>(
  cluster: Client,
  { onLogin, onError }: PoolOptions,
): Client {
  cluster.on('+node', (node: Redis) => node.on('ready', onLogin))
  return cluster.on('error', onError).on('node error', onError)
}
