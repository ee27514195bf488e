import type { EventEmitter } from 'node:events'
import { Redis as RekeyRedis } from '@rekey/ioredis'
import { createRedisPool } from '@rekey/ioredis/pool'
import genericPool, { type Pool } from 'generic-pool'
import { Redis } from 'ioredis'
import type { Account } from '../../servers/server.ts'
import { steadyCredentials } from '../credentials.ts'
import { startWithAccounts } from '../server.ts'
import type { Address, Connection, Pool as BenchPool, Subject } from '../subject.ts'

/** What the driver's types leave out. */
interface Internals extends EventEmitter {
  readonly stream: EventEmitter
}

function run(client: Redis, statement: string): Promise<unknown> {
  const [name = '', ...words] = statement.split(' ')
  return client.call(name, words)
}

/** One client for all commands, and exclusive ones: together they are the pool. */
function adapt(commands: Redis, exclusive: Pool<Redis>): BenchPool {
  commands.on('error', () => {})
  return {
    query: (statement) => run(commands, statement),
    async connect(): Promise<Connection> {
      const client = await exclusive.acquire()
      return {
        query: (statement) => run(client, statement),
        release: (isBroken) =>
          void (isBroken ? exclusive.destroy(client) : exclusive.release(client)),
      }
    },
    async end() {
      commands.disconnect()
      await exclusive.drain()
      await exclusive.clear()
    },
  }
}

function open({ host, port }: Address, { user, password }: Account): Redis {
  return new Redis({ host, port, username: user, password })
}

const timesPipelined = 100

/** One for both servers. */
function subject(kind: 'redis' | 'valkey', about: string): Subject {
  return {
    about,
    short: 'GET bench',
    // Waits on the connection for as long as a transaction takes.
    transaction: ['WATCH bench', 'BLPOP bench:none 0.02', 'UNWATCH'],
    works: [
      { name: 'SET and GET', times: 30, warmUp: 3_000 },
      { name: `SET and GET, ${timesPipelined} in a pipeline`, times: 3, warmUp: 300 },
    ],

    shared: 1,

    startServer: (signal) =>
      startWithAccounts(kind, signal, async ({ host, port, user, password }, accounts) => {
        const address = { host, port, database: '' }
        const admin = open(address, { user, password })
        for (const account of accounts) {
          await admin.acl(
            'SETUSER',
            account.user,
            'on',
            `>${account.password}`,
            '~*',
            '&*',
            '+@all',
          )
        }
        await admin.quit()
        return {
          address,
          async lookout() {
            const watching = open(address, { user, password })
            return {
              async sessions() {
                const list = await watching.client('LIST')
                // Nobody but the benchmark uses this server: who is not the admin belongs to the pool.
                const ids = String(list).matchAll(/^id=(\d+) .* user=(app_\S+)/gm)
                // One that logs in again in place is another session from then on.
                return [...ids].map(([, id, login]) => `${id} ${login}`)
              },
              end: async () => watching.disconnect(),
            }
          },
        }
      }),

    openStock(address, max, account) {
      let login = account
      const commands = open(address, account)
      const factory = {
        create: async () => open(address, login).on('error', () => {}),
        destroy: async (client: Redis) => client.disconnect(),
      }
      const exclusive = genericPool.createPool(factory, { max: max - 1 })
      return {
        ...adapt(commands, exclusive),
        use(next) {
          login = next
          Object.assign(commands.options, { username: next.user, password: next.password })
        },
        evictIdle() {
          commands.disconnect(true)
          void exclusive.clear()
        },
      }
    },

    openRekey({ host, port }, max, credentials, rotation) {
      const at = { host, port }
      const commands = new RekeyRedis({ ...at, credentials, rotation })
      const exclusive = createRedisPool(credentials, at, { max: max - 1, rotation })
      return {
        ...adapt(commands, exclusive),
        async drained() {
          await Promise.all([commands.drained(), exclusive.drained()])
        },
        emitters: () => [commands, (commands as unknown as Internals).stream, exclusive],
      }
    },

    openWorks(which, address, account) {
      const client = start()
      function start(): Redis {
        const { host, port } = address
        if (which === 'stock') return open(address, account)
        if (which === 'with credentials') {
          return new RekeyRedis({ host, port, credentials: steadyCredentials(account) })
        }
        return new RekeyRedis({ host, port, username: account.user, password: account.password })
      }
      return {
        async 'SET and GET'(times) {
          for (let time = 0; time < times; time += 1) {
            await client.set('bench', time)
            await client.get('bench')
          }
        },
        async [`SET and GET, ${timesPipelined} in a pipeline`](times) {
          for (let time = 0; time < times; time += 1) {
            const pipeline = client.pipeline()
            for (let each = 0; each < timesPipelined; each += 1) {
              pipeline.set('bench', each).get('bench')
            }
            await pipeline.exec()
          }
        },
      }
    },
  }
}

export const redis: Subject = subject('redis', 'Redis on loopback with ACL users, no TLS')
export const valkey: Subject = subject('valkey', 'Valkey on loopback with ACL users, no TLS')
