import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { DrillError } from '../../error.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool, type StockRecipe } from '../pools.ts'
import type { StartTarget, Target } from '../target.ts'
import { leastMax, redisPools } from './pools.ts'
import { serverOf } from './server-of.ts'

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
  database: 'redis' | 'valkey',
  { url, recipe = 'reconnect' }: RedisTargetOptions,
): StartTarget {
  const startTarget: StartTarget =
    url === undefined
      ? inOwnServer(database, ({ host, port, user, password }) =>
          prepare(`redis://${user}:${password}@${host}:${port}`, recipe),
        )
      : () => prepare(url, recipe)
  return (needs) => {
    if (needs.max >= leastMax) return startTarget(needs)
    throw new DrillError(
      `max is ${needs.max}; ${database} needs ${leastMax} or more: a client for commands, one that subscribes, one that ` +
        'takes its place in a rotation, and one for transactions and blocking reads.',
    )
  }
}

async function prepare(url: string, recipe: Recipe): Promise<Target> {
  const admin = await connect(url)
  const name = `rekey_drill_${randomBytes(4).toString('hex')}`
  const accounts = [`${name}_a`, `${name}_b`] as const
  const prefix = `${name}:`
  const { host, port, path, tls, db, family, password } = admin.options
  const connection = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(path !== undefined && { path }),
    ...(tls !== undefined && { tls }),
    ...(db !== undefined && { db }),
    ...(family !== undefined && { family }),
  }
  const pools = redisPools({ connection, prefix }, recipe === 'reconnect')
  try {
    const { database, server } = serverOf(await ask(admin.info('server')))
    for (const account of accounts) {
      const rights = [`~${prefix}*`, `&${prefix}*`, '+@all', '-@admin']
      await ask(admin.acl('SETUSER', account, 'reset', ...rights))
    }
    // Counting must not wait for a command of the rotation.
    const counter = await connect(url)
    return {
      database,
      server,
      accounts,
      secrets: password ? [password] : [],
      async allow({ user, password: next }) {
        await ask(admin.acl('SETUSER', user, 'on', 'resetpass', `>${next}`))
      },
      async revoke(account) {
        await ask(admin.acl('SETUSER', account, 'off', 'resetpass'))
      },
      sessions: () => countSessions(counter, accounts),
      kill: (account) => kill(admin, account),
      openPool: (kind, options) =>
        kind === 'rekey'
          ? rekeyPool(pools, options)
          : stockPool(pools, options, recipe === 'reconnect' ? 'mutate-options' : recipe),
      async close() {
        counter.disconnect()
        await remove(admin, accounts, prefix).catch((error: unknown) => {
          throw new DrillError(`Users and keys named ${name}… are still there: ${String(error)}`, {
            cause: error,
          })
        })
        admin.disconnect()
      },
    }
  } catch (error) {
    await remove(admin, accounts, prefix).catch(() => {})
    admin.disconnect()
    throw new DrillError(`The users for the drill could not be made: ${String(error)}`, {
      cause: error,
    })
  }
}

async function connect(url: string): Promise<Redis> {
  // The driver does not know the other name of the same protocol.
  const client = new Redis(url.replace(/^valkey/, 'redis'), {
    lazyConnect: true,
    // A server that goes away is noticed by the next command.
    retryStrategy: () => null,
  })
  let failure: unknown
  client.on('error', (error) => (failure = error))
  try {
    await client.connect()
    return client
  } catch (error) {
    client.disconnect()
    const { hostname, port, username } = new URL(url)
    const where = `${hostname}:${port || 6379} as ${username || 'default'}`
    throw new DrillError(
      `The server could not be reached at ${where}: ${String(failure ?? error)}`,
      {
        cause: failure ?? error,
      },
    )
  }
}

async function countSessions(
  counter: Redis,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  const list = String(await counter.client('LIST'))
  for (const [, user = ''] of list.matchAll(/ user=(\S+)/g)) {
    if (accounts.includes(user)) counts.set(user, (counts.get(user) ?? 0) + 1)
  }
  return counts
}

/** How long a connection that was killed may take to go, in milliseconds. */
const killLimit = 5_000

async function kill(admin: Redis, account: string): Promise<void> {
  for (const deadline = performance.now() + killLimit; ; await sleep(5)) {
    const killed = Number(await ask(admin.client('KILL', 'USER', account)))
    if (killed === 0 || performance.now() > deadline) return
  }
}

async function remove(admin: Redis, accounts: readonly string[], prefix: string): Promise<void> {
  // It closes their connections, too.
  await admin.acl('DELUSER', ...accounts)
  for await (const keys of admin.scanStream({ match: `${prefix}*`, count: 1_000 })) {
    if ((keys as string[]).length > 0) await admin.unlink(...(keys as string[]))
  }
}

async function ask<Reply>(reply: Promise<Reply>): Promise<Reply> {
  try {
    return await reply
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}
