import type { CredentialsCache } from '@rekey/core'
import type mysql from 'mysql2'
import type { ClusterNode, Driver, GetConnectionCallback, NamespaceInternals } from './driver.ts'
import type { PoolOptions } from './options.ts'
import type { CreatePool, RotatingPool } from './pool.ts'
import { isAboutCredentials } from './refusal.ts'

/** The driver's cluster, whose nodes take `credentials` and `rotation`. */
export interface RotatingPoolCluster extends mysql.PoolCluster {
  add(config: PoolOptions): void
  add(group: string, connectionUri: string): void
  add(group: string, config: PoolOptions): void
  /** Resolves when no connection of any node is older than the newest version of its credentials. */
  drained(): Promise<void>
}

/** What {@link createPoolCluster} is, for a copy of the driver. */
export type CreatePoolCluster = (config?: mysql.PoolClusterOptions) => RotatingPoolCluster

/** Makes a {@link CreatePoolCluster} for a copy of the driver, with credentials for nodes that bring none. */
export function clusterFactory(
  driver: Driver,
  createPool: CreatePool,
  ownCredentials?: CredentialsCache,
): CreatePoolCluster {
  class PoolCluster extends driver.PoolCluster {
    readonly #rotating = new Map<ClusterNode, RotatingPool>()
    readonly #namespaces = new WeakSet<NamespaceInternals>()

    override add(id: string | PoolOptions, config?: PoolOptions | string): void {
      const options = typeof id === 'object' ? id : config
      const { credentials = ownCredentials } = typeof options === 'object' ? options : {}
      if (credentials === undefined || options === undefined) return super.add(id, config)
      if (typeof id === 'string' && this._nodes[id] !== undefined) return
      // First: what is not allowed throws, and leaves the cluster as it was.
      const pool = createPool(options)
      super.add(...((typeof id === 'string' ? [id, {}] : [{}]) as [string]))
      const node = this._nodes[typeof id === 'string' ? id : `CLUSTER::${this._lastId}`]
      if (node === undefined) return
      node.pool.end()
      node.pool = pool as unknown as ClusterNode['pool']
      this.#rotating.set(node, pool)
    }

    override of(pattern?: string, selector?: string): NamespaceInternals {
      const namespace = super.of(pattern, selector)
      if (this.#namespaces.has(namespace)) return namespace
      this.#namespaces.add(namespace)
      const driverGetConnection = namespace.getConnection.bind(namespace)
      namespace.getConnection = (callback) => {
        if (this.#rotating.size === 0) driverGetConnection(callback)
        else this.#findConnection(namespace, callback, driverGetConnection)
      }
      return namespace
    }

    /** @internal A node whose credentials fail is as good as before: it has no strike, so it never leaves for them. */
    override _getConnection(node: ClusterNode, callback: GetConnectionCallback): void {
      if (!this.#rotating.has(node)) return super._getConnection(node, callback)
      node.pool.getConnection((error, connection) => {
        if (connection === undefined) {
          if (!isAboutCredentials(error)) this._increaseErrorCount(node)
          return callback(error)
        }
        this._decreaseErrorCount(node)
        connection._clusterId = node.id
        callback(null, connection)
      })
    }

    override _removeNode(node: ClusterNode): void {
      this.#rotating.delete(node)
      super._removeNode(node)
    }

    async drained(): Promise<void> {
      await Promise.all([...this.#rotating.values()].map((pool) => pool.drained()))
    }

    /** As the driver does, but that a caller does not ask a node again whose credentials have just failed. */
    #findConnection(
      namespace: NamespaceInternals,
      callback: GetConnectionCallback,
      driverGetConnection: (callback: GetConnectionCallback) => void,
      failed: ReadonlyMap<string, Error> = new Map(),
    ): void {
      const online = this._findNodeIds(namespace._pattern)
      const ids = online.filter((id) => !failed.has(id))
      const id = ids.length > 1 ? namespace._selector(ids) : ids[0]
      const node = id === undefined ? undefined : this._nodes[id]
      if (node === undefined) {
        const lastError = [...failed.values()].at(-1)
        return lastError ? callback(lastError) : driverGetConnection(callback)
      }
      this._getConnection(node, (error, connection) => {
        if (connection !== undefined) return callback(null, connection)
        if (!this._canRetry || this._findNodeIds(namespace._pattern).length === 0) {
          return callback(error)
        }
        const next = isAboutCredentials(error)
          ? new Map(failed).set(node.id, error as Error)
          : failed
        if (next !== failed && online.every((each) => next.has(each))) return callback(error)
        this.emit('warn', error)
        this.#findConnection(namespace, callback, driverGetConnection, next)
      })
    }
  }
  // As the driver's types have it: with overloads, and without what is internal.
  return (config) => new PoolCluster(config) as unknown as RotatingPoolCluster
}
