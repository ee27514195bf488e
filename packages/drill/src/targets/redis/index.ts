import { randomBytes } from 'node:crypto'
import { DrillError } from '../../error.ts'
import {
  isTopology,
  ownGroupOnly,
  topologies,
  type RedisKind,
  type Topology,
} from '../../servers/server.ts'
import { countByAccount } from '../count-by-account.ts'
import { inOwnServer, type ServerOfTarget } from '../own-server.ts'
import { rekeyPool, stockPool, type DriverPools } from '../pools.ts'
import type { PoolUnderDrill, StartTarget, StockRecipe, Target } from '../target.ts'
import { clusterPools, leastClusterMax } from './cluster-pools.ts'
import { operateCluster } from './in-cluster.ts'
import { operateOne } from './one-server.ts'
import { notAllowed, type Operator } from './operator.ts'
import { leastMax, redisPools } from './pools.ts'
import { operateUnderSentinel } from './under-sentinel.ts'

/** Options of {@link redis} and {@link valkey}. */
export interface RedisTargetOptions {
  /**
   * An existing server, with a user who may set others, list all connections and kill them. Which of the two it is the
   * server says itself. The drill makes two users, and keys, named `rekey_drill_…`, and removes them. Default: a server of
   * its own that lives as long as the drill.
   */
  url?: string | undefined
  /**
   * What the stock clients do at a rotation: beside what stock pools do, `'reconnect'` sets the new pair in the options of
   * each client and has it connect again. Default: `'reconnect'`.
   */
  recipe?: StockRecipe | 'reconnect' | undefined
  /**
   * How the drill's own is set up: one server; `'sentinel'`, a primary and two replicas, with three sentinels that have another
   * one take the primary's place in a `failover`; or `'cluster'`, a Cluster of three primaries with a replica each, where `max` is
   * 14 or more. Not with a URL. Default: `'single'`.
   */
  topology?: Topology | undefined
}

/** Redis: two users with the same rights, rotated in turn. `max` is 4 or more. */
export function redis(options: RedisTargetOptions = {}): StartTarget {
  return start('redis', options)
}

/** Valkey: two users with the same rights, rotated in turn. `max` is 4 or more. */
export function valkey(options: RedisTargetOptions = {}): StartTarget {
  return start('valkey', options)
}

type Recipe = NonNullable<RedisTargetOptions['recipe']>

function start(
  database: RedisKind,
  { url, recipe = 'reconnect', topology = 'single' }: RedisTargetOptions,
): StartTarget {
  checkTopology(topology, url)
  const startTarget: StartTarget =
    url === undefined
      ? inOwnServer(
          database,
          async (own) => prepare(await operate(own, topology), recipe),
          topology,
        )
      : async () => prepare(await operateOne(url), recipe)
  return (needs) => {
    checkMax(database, topology, needs.max)
    return startTarget(needs)
  }
}

/** @throws {DrillError} */
function checkMax(database: RedisKind, topology: Topology, max: number): void {
  if (max < leastMax) {
    throw new DrillError(
      `max is ${max}; ${database} needs ${leastMax} or more: a client for commands, one that subscribes, one that ` +
        'takes its place in a rotation, and one for transactions and blocking reads.',
    )
  }
  if (topology !== 'cluster' || max >= leastClusterMax) return
  throw new DrillError(
    `max is ${max}; a Cluster of ${database} needs ${leastClusterMax} or more: its clients have a connection to each node ` +
      'that they use, one that subscribes, one that takes its place or proves a password, and one that asks for the slots.',
  )
}

/** @throws {DrillError} */
function checkTopology(topology: string, url: string | undefined): void {
  if (!isTopology(topology)) {
    throw new DrillError(`topology is "${topology}"; it must be ${topologies.join(' or ')}.`)
  }
  if (topology === 'single' || url === undefined) return
  throw new DrillError(`topology is "${topology}"; ${ownGroupOnly}.`)
}

function operate(own: ServerOfTarget, topology: Topology): Promise<Operator> {
  const { host, port, user, password, restart } = own
  if (topology === 'sentinel') return operateUnderSentinel(own)
  if (topology === 'cluster') return operateCluster(own)
  return operateOne(`redis://${user}:${password}@${host}:${port}`, restart)
}

async function prepare(operator: Operator, recipe: Recipe): Promise<Target> {
  const { database, server, topology, connection, startupNodes, secrets, wire, failOver } = operator
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const accounts = [`${name}_a`, `${name}_b`] as const
  const prefix = `${name}:`
  try {
    for (const account of accounts) {
      const rights = [`~${prefix}*`, `&${prefix}*`, '+@all', '-@admin']
      await operator.setUser(account, 'reset', ...rights)
    }
  } catch (error) {
    await operator.remove(accounts, prefix).catch(() => {})
    operator.close()
    throw notAllowed(operator.admin, error)
  }
  return {
    ...{ database, server, topology, accounts, secrets, wire, failOver },
    allow: ({ user, password }) => operator.setUser(user, 'on', 'resetpass', `>${password}`),
    revoke: (account) => operator.setUser(account, 'off', 'resetpass'),
    two: {
      add: ({ user, password }) => operator.setUser(user, `>${password}`),
      discard: (_, { user, password }) => operator.setUser(user, `<${password}`),
    },
    sessions: async () => countByAccount(await operator.sessions(accounts)),
    sessionAccounts: () => operator.sessions(accounts),
    renews: true,
    kill: (account) => operator.kill(account),
    openPool(kind, options) {
      const stock = options.recipe ?? recipe
      const { db } = connection
      const to = options.at === undefined ? connection : { ...options.at, ...(db && { db }) }
      const reconnects = stock === 'reconnect'
      function open<Pool>(pools: DriverPools<Pool>): PoolUnderDrill {
        if (kind === 'rekey') return rekeyPool(pools, options)
        return stockPool(pools, options, reconnects ? 'mutate-options' : stock)
      }
      return startupNodes === undefined
        ? open(redisPools({ connection: to, prefix }, reconnects))
        : open(clusterPools({ startupNodes, prefix }, reconnects))
    },
    async close() {
      try {
        await operator.remove(accounts, prefix)
      } catch (error) {
        throw new DrillError(`Users and keys named ${name}… are still there: ${String(error)}`, {
          cause: error,
        })
      } finally {
        operator.close()
      }
    },
  }
}
