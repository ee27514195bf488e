import { RekeyError, type CredentialsCache } from '@rekey/core'
import type promise from 'mysql2/promise'
import type { Driver } from './driver.ts'
import type { Functions } from './functions.ts'
import type { ConnectionOptions, PoolOptions } from './options.ts'
import type { RotatingPoolCluster } from './pool-cluster.ts'
import { promisePoolClass, type RotatingPromisePool } from './promise-pool.ts'
import { refusalOf } from './refusal.ts'

/** The driver's cluster of promises, as {@link RotatingPoolCluster}. */
export interface RotatingPromisePoolCluster extends promise.PoolCluster {
  add(config: PoolOptions): void
  add(group: string, connectionUri: string): void
  add(group: string, config: PoolOptions): void
  drained(): Promise<void>
}

/** What `@rekey/mysql2/promise` puts in the place of the driver's own. */
export interface PromiseFunctions {
  createConnection(config: ConnectionOptions | string): Promise<promise.Connection>
  createPool(config: PoolOptions | string): RotatingPromisePool
  createPoolCluster(config?: PoolClusterOptions): RotatingPromisePoolCluster
}

type PoolClusterOptions = Parameters<typeof promise.createPoolCluster>[0]

/** The functions of promises over those of callbacks, for a copy of the driver. */
export function promiseFunctions(
  driver: Driver,
  functions: Functions,
  ownCredentials?: CredentialsCache,
): PromiseFunctions {
  const { createConnection, createPool, createPoolCluster } = functions

  /** As the driver does it. */
  function connect(
    config: ConnectionOptions | string,
    asked: { stack?: string },
  ): Promise<promise.Connection> {
    const connection = createConnection(config)
    const ThePromise = promiseOf(config)
    return new ThePromise((resolve, reject) => {
      connection.once('connect', () => resolve(connection.promise(ThePromise)))
      connection.once('error', (error) => reject(tellingWhere(error, asked)))
    })
  }

  function connectBridged(config: ConnectionOptions | string): Promise<promise.Connection> {
    const { credentials = ownCredentials } = typeof config === 'object' ? config : {}
    const asked: { stack?: string } = {}
    Error.captureStackTrace(asked, connectBridged)
    // Not by the driver's own function, whose stack would begin here and not where its caller is.
    if (credentials === undefined) return connect(config, asked)
    return connect(config, asked).catch((error: unknown) => {
      // What worked a moment ago does no longer: by now the cache looks for what does.
      if (refusalOf(error) === undefined) throw error
      return connect(config, asked)
    })
  }

  let Cluster: PromiseClusterClass | undefined

  return {
    createConnection: connectBridged,
    createPool: (config) => new (promisePoolClass(driver))(createPool(config), promiseOf(config)),
    createPoolCluster: (config) =>
      new (Cluster ??= promiseClusterClass(driver))(
        createPoolCluster(config),
        promiseOf(config ?? {}),
      ),
  }
}

/** As the driver does it: the error has the stack of whoever has asked, in the place of the socket's. Ours say where they are from. */
function tellingWhere(error: unknown, { stack }: { stack?: string }): unknown {
  if (error instanceof Error && !(error instanceof RekeyError) && stack !== undefined) {
    const [, ...lines] = stack.split('\n')
    error.stack = [`${error.name}: ${error.message}`, ...lines].join('\n')
  }
  return error
}

type PromiseClusterClass = new (
  cluster: RotatingPoolCluster,
  promise: PromiseConstructor,
) => RotatingPromisePoolCluster

function promiseClusterClass(driver: Driver): PromiseClusterClass {
  type DriverClass = new (cluster: unknown, promise: PromiseConstructor) => promise.PoolCluster
  const DriverCluster = driver.createPoolClusterPromise().constructor as DriverClass
  class PromisePoolCluster extends DriverCluster {
    readonly #cluster: RotatingPoolCluster

    constructor(cluster: RotatingPoolCluster, promise: PromiseConstructor) {
      super(cluster, promise)
      this.#cluster = cluster
    }

    // The driver's own goes around ours.
    override add(...values: [string | PoolOptions, (PoolOptions | string)?]): void {
      this.#cluster.add(...(values as [PoolOptions]))
    }

    drained(): Promise<void> {
      return this.#cluster.drained()
    }
  }
  return PromisePoolCluster
}

// The driver takes it from the options, and knows no such option in its types.
function promiseOf(config: object | string): PromiseConstructor {
  const { Promise: given } = config as { Promise?: PromiseConstructor }
  return given || Promise
}
