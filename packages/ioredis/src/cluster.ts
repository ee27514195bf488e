import { replaceMembers, type DrainedMessage, type GenerationCounts } from '@rekey/core'
import type { Cluster as DriverCluster, ClusterNode } from 'ioredis'
import { adoptNext, rotatingConnector, withoutOurs } from './connector.ts'
import { DriverClusterClient, type ClusterInternals } from './driver.ts'
import { Group } from './group.ts'
import { checkClusterOptions, type ClusterOptions } from './options.ts'

/** What a rotating cluster adds to the driver's. */
interface RotatingCluster extends DriverCluster {
  /** Connections per version, the oldest first, of all nodes. Empty without `credentials`. */
  readonly generations: GenerationCounts[]
  /** Resolves when no connection is older than the newest version that the cache holds at this moment or later. */
  drained(): Promise<void>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  on(event: string | symbol, listener: Parameters<DriverCluster['on']>[1]): this
}

/** The constructor: as the driver's. */
interface ClusterClass extends Omit<typeof DriverCluster, 'prototype'> {
  new (startupNodes: ClusterNode[], options?: ClusterOptions): RotatingCluster
  readonly prototype: RotatingCluster
}

const groups = new WeakMap<object, Group>()

class RotatingClient extends DriverClusterClient {
  constructor(startupNodes: ClusterNode[], options: ClusterOptions = {}) {
    const { credentials, rotation = {} } = options
    if (credentials === undefined) {
      super(startupNodes, options)
      return
    }
    checkClusterOptions(startupNodes, options)
    const group = new Group(
      'ioredis.Cluster',
      credentials,
      rotation,
      (message) => this.emit('drained', message),
      // One that has lost all its nodes comes back with other clients.
      () => this.status === 'end',
    )
    const { redisOptions } = options
    const Connector = rotatingConnector(group, redisOptions?.Connector)
    super(startupNodes, { ...options, redisOptions: { ...redisOptions, Connector } })
    groups.set(this, group)
    const { setStatus } = this
    replaceMembers(this as ClusterInternals, {
      setStatus(status) {
        setStatus.call(this, status)
        group.closeIfOver()
      },
    })
    // The driver makes the clients that subscribe from some of a node's options only.
    const { subscriber } = this
    const { selectSubscriber } = subscriber
    replaceMembers(subscriber, {
      selectSubscriber() {
        const release = adoptNext(group)
        selectSubscriber.call(subscriber)
        release()
      },
    })
  }

  duplicate(startupNodes: ClusterNode[] = [], override: ClusterOptions = {}): ClusterInternals {
    const nodes = startupNodes.length > 0 ? startupNodes : this.startupNodes.slice(0)
    const redisOptions = { ...this.options.redisOptions, ...override.redisOptions }
    const Connector = withoutOurs(redisOptions.Connector)
    return new RotatingClient(nodes, {
      ...this.options,
      ...override,
      redisOptions: { ...redisOptions, Connector: Connector as never },
    })
  }

  get generations(): GenerationCounts[] {
    return groups.get(this)?.generations ?? []
  }

  drained(): Promise<void> {
    return groups.get(this)?.drained() ?? Promise.resolve()
  }
}
Object.defineProperty(RotatingClient, 'name', { value: 'Cluster' })

/**
 * `Cluster` of ioredis whose nodes, and the clients that subscribe for it, take up new credentials while they work. One
 * connection tries a new pair, and the others follow one by one. Without `credentials` it is the driver's own.
 *
 * `generations`, `drained()` and the event `drained` are those of `Redis`, over all connections.
 *
 * @throws {RekeyError} As `Redis` does; also `ERR_REKEY_CONFLICT` for a user name or a password in `redisOptions` or
 * in a start-up node.
 *
 * @example
 * const cluster = new Cluster([{ host: 'cache.internal' }], { credentials })
 * await cluster.incr('visits')
 */
export const Cluster: ClusterClass = RotatingClient as unknown as ClusterClass
export type Cluster = RotatingCluster
