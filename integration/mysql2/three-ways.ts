import { createCredentials, fromFunction, type CredentialsCache } from '@rekey/core'
import rekey from '@rekey/mysql2'
import rekeyPromise from '@rekey/mysql2/promise'
import mysql from 'mysql2'
import promise from 'mysql2/promise'
import { afterAll, beforeAll, describe } from 'vitest'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import type { Account, Place, Server } from '../servers/server.ts'
import { until } from '../until.ts'

/** The functions under test, and how to give them what they log in with. */
export interface Way {
  readonly name: 'stock' | 'plain' | 'rotating'
  /** True where credentials come from a cache: then the documented differences hold. */
  readonly rotates: boolean
  pool(options?: mysql.PoolOptions): mysql.Pool
  promisePool(options?: mysql.PoolOptions): promise.Pool
  connection(options?: mysql.ConnectionOptions): mysql.Connection
  promiseConnection(options?: mysql.ConnectionOptions): Promise<promise.Connection>
  cluster(options?: mysql.PoolClusterOptions): mysql.PoolCluster
  promiseCluster(options?: mysql.PoolClusterOptions): promise.PoolCluster
  /** The whole configuration, for what takes one elsewhere. */
  config(options?: mysql.PoolOptions): mysql.PoolOptions
}

/** The server of a test file. */
export interface Setting {
  readonly place: Place
  readonly account: Account
}

/**
 * Runs the same tests against the driver's functions, against ours without credentials, and against ours with them: what
 * holds for the first has to hold for the others.
 */
export function threeWays(body: (way: Way, setting: Setting) => void): void {
  let server: Server
  let place: Place
  let account: Account
  let credentials: CredentialsCache

  beforeAll(async () => {
    server = await connectMysql(await serverAddress('mysql'))
    place = await server.createPlace({ sessions: 50 })
    account = await place.createAccount()
    credentials = createCredentials(
      fromFunction(() => account),
      { overlap: 3_600_000 },
    )
  })

  afterAll(async () => {
    await credentials.close()
    // The driver's own pool is over before its sockets are.
    await until('the last session to close', async () => (await place.sessions()).length === 0)
    await place[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const setting: Setting = {
    get place() {
      return place
    },
    get account() {
      return account
    },
  }
  const at = (): mysql.PoolOptions => {
    const { host, port, database } = place
    return { host, port, database }
  }

  describe('stock mysql2', () =>
    body(
      wayOf('stock', mysql, promise, () => ({ ...at(), ...account })),
      setting,
    ))

  describe('@rekey/mysql2 without credentials', () =>
    body(
      wayOf('plain', rekey, rekeyPromise, () => ({ ...at(), ...account })),
      setting,
    ))

  describe('@rekey/mysql2 with credentials', () =>
    body(
      wayOf('rotating', rekey, rekeyPromise, () => ({ ...at(), credentials })),
      setting,
    ))
}

function wayOf(
  name: Way['name'],
  callbacks: Pick<typeof mysql, 'createConnection' | 'createPool' | 'createPoolCluster'>,
  promises: Pick<typeof promise, 'createConnection' | 'createPool' | 'createPoolCluster'>,
  config: () => object,
): Way {
  return {
    name,
    rotates: name === 'rotating',
    pool: (options) => callbacks.createPool({ ...config(), ...options }),
    promisePool: (options) => promises.createPool({ ...config(), ...options }),
    connection: (options) => callbacks.createConnection({ ...config(), ...options }),
    promiseConnection: (options) => promises.createConnection({ ...config(), ...options }),
    cluster: (options) => callbacks.createPoolCluster(options),
    promiseCluster: (options) => promises.createPoolCluster(options),
    config: (options) => ({ ...config(), ...options }),
  }
}

/** A pool that ends with its block, also where the test failed and has connections of it. */
export function ending<Pool extends mysql.Pool>(pool: Pool): Pool & AsyncDisposable {
  return Object.assign(pool, {
    async [Symbol.asyncDispose]() {
      if (insideOf(pool)._closed) return
      await new Promise<void>((resolve) => {
        pool.end(() => resolve())
      })
    },
  })
}

/** What tools read of a pool, beyond its types. */
export interface Inside {
  readonly _closed: boolean
  readonly _allConnections: { readonly length: number }
  readonly _freeConnections: { readonly length: number }
  readonly _connectionQueue: { readonly length: number }
}

export function insideOf(pool: object): Inside {
  return pool as Inside
}

/** The lengths of a pool's lists: all connections, those that nobody holds, the callers in the queue. */
export function countsOf(pool: object): number[] {
  const { _allConnections, _freeConnections, _connectionQueue } = insideOf(pool)
  return [_allConnections.length, _freeConnections.length, _connectionQueue.length]
}

/** Calls a function that takes a callback, and gives back all that the callback was called with. */
export function called<Values extends unknown[]>(
  call: (callback: (...values: Values) => void) => unknown,
): Promise<Values> {
  return new Promise((resolve) => {
    call((...values) => resolve(values))
  })
}

/** A connection of the pool, or the error. */
export async function borrow(pool: mysql.Pool): Promise<mysql.PoolConnection> {
  const [error, connection] = await called<[Error | null, mysql.PoolConnection]>((callback) =>
    pool.getConnection(callback),
  )
  if (error) throw error
  return connection
}

/** All that an emitter says of these events, in order. */
export function recordEvents(emitter: NodeJS.EventEmitter, names: readonly string[]): string[] {
  const heard: string[] = []
  for (const name of names) emitter.on(name, () => heard.push(name))
  return heard
}

/** As when the restoreNodeTimeout of all nodes of a cluster is over. */
export function letTimePass(cluster: object): void {
  const { _nodes } = cluster as { _nodes: Record<string, { _offlineUntil: number }> }
  for (const node of Object.values(_nodes)) node._offlineUntil = Math.min(node._offlineUntil, 1)
}
