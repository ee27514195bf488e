import { randomBytes } from 'node:crypto'
import { DrillError } from '../../error.ts'
import { countByAccount } from '../count-by-account.ts'
import { inOwnServer } from '../own-server.ts'
import { rekeyPool, stockPool } from '../pools.ts'
import { Returning } from '../returning.ts'
import type { StartTarget, StockRecipe, Target } from '../target.ts'
import { kill, listSessions, remove } from './accounts.ts'
import { ask, connect } from './admin.ts'
import { isGoodbye, leastMax, redisPools } from './pools.ts'
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
      ? inOwnServer(database, ({ host, port, user, password, restart }) =>
          prepare(`redis://${user}:${password}@${host}:${port}`, recipe, restart),
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

async function prepare(
  url: string,
  recipe: Recipe,
  restart?: () => Promise<void>,
): Promise<Target> {
  let admin = await connect(url)
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
  async function setUser(user: string, ...rules: string[]): Promise<void> {
    await ask(admin.acl('SETUSER', user, ...rules))
    // A server that is killed comes back with the users that stand in its file.
    if (restart !== undefined) await ask(admin.acl('SAVE'))
  }
  try {
    const { database, server } = serverOf(await ask(admin.info('server')))
    for (const account of accounts) {
      const rights = [`~${prefix}*`, `&${prefix}*`, '+@all', '-@admin']
      await setUser(account, 'reset', ...rights)
    }
    // Counting must not wait for a command of the rotation.
    const counter = await Returning.by(() => connect(url))
    const sessionAccounts = (): Promise<ReadonlyMap<string, string>> =>
      counter.ask((client) => listSessions(client, accounts))
    return {
      database,
      server,
      accounts,
      secrets: password ? [password] : [],
      allow: ({ user, password: next }) => setUser(user, 'on', 'resetpass', `>${next}`),
      revoke: (account) => setUser(account, 'off', 'resetpass'),
      two: {
        add: ({ user, password: next }) => setUser(user, `>${next}`),
        discard: (_, { user, password: last }) => setUser(user, `<${last}`),
      },
      sessions: async () => countByAccount(await sessionAccounts()),
      sessionAccounts,
      restart:
        restart &&
        (() =>
          counter.whileAway(async () => {
            await restart()
            admin = await connect(url)
          })),
      renews: true,
      wire: {
        at: path ? { path } : { host: host ?? 'localhost', port: port ?? 6379 },
        isPlain: tls === undefined,
        isGoodbye,
      },
      kill: (account) => kill(admin, account),
      openPool(kind, options) {
        const stock = options.recipe ?? recipe
        const to = options.at === undefined ? connection : { ...options.at, ...(db && { db }) }
        const pools = redisPools({ connection: to, prefix }, stock === 'reconnect')
        if (kind === 'rekey') return rekeyPool(pools, options)
        return stockPool(pools, options, stock === 'reconnect' ? 'mutate-options' : stock)
      },
      async close() {
        counter.current.disconnect()
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
    throw new DrillError(
      `The users for the drill could not be made: ${String(error)}\n` +
        `${admin.options.username ?? 'default'} needs acl|setuser, acl|deluser, client|list, client|kill and info.`,
      { cause: error },
    )
  }
}
