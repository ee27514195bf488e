import type { EventEmitter } from 'node:events'
import rekey from '@rekey/mysql2/promise'
import stock, {
  type Connection,
  type Pool,
  type PoolOptions,
  type RowDataPacket,
} from 'mysql2/promise'
import { EndedSessions } from '../../../packages/drill/src/targets/mysql/ended-sessions.ts'
import { steadyCredentials } from '../credentials.ts'
import { startWithAccounts } from '../server.ts'
import { poolWorks, type Address, type Pool as BenchPool, type Subject } from '../subject.ts'

interface CoreConnection extends EventEmitter {
  readonly stream: EventEmitter
  _removeFromPool(): void
  _realEnd(): void
}

/** What the driver's types leave out. */
interface Internals extends EventEmitter {
  readonly config: { readonly connectionConfig: object }
  readonly _allConnections: Queue
  readonly _freeConnections: Queue
  releaseConnection(connection: CoreConnection): void
}

interface Queue {
  readonly length: number
  get(index: number): CoreConnection
}

function membersOf(queue: Queue): CoreConnection[] {
  return Array.from({ length: queue.length }, (_, index) => queue.get(index))
}

function internalsOf({ pool }: Pool): Internals {
  return pool as unknown as Internals
}

function options({ host, port, database }: Address, max: number): PoolOptions {
  return { host, port, database, connectionLimit: max, idleTimeout: 3_600_000 }
}

function adapt(pool: Pool): BenchPool {
  return {
    query: (sql) => pool.query(sql),
    async connect() {
      const connection = await pool.getConnection()
      return {
        query: (sql) => connection.query(sql),
        release: (isBroken) => (isBroken ? connection.destroy() : connection.release()),
      }
    },
    end: () => pool.end(),
  }
}

/** One for both servers: a driver, and the names of what is in them. */
function subject(kind: 'mysql' | 'mariadb', about: string, processlist: string): Subject {
  const ended = new EndedSessions()
  const watch = (pool: Pool): Pool => pool.on('connection', (opened) => ended.watch(opened))

  return {
    about,
    short: 'select 1',
    transaction: ['begin', 'do sleep(0.02)', 'commit'],
    works: poolWorks,
    shared: 0,

    startServer: (signal) =>
      startWithAccounts(kind, signal, async ({ host, port, user, password }, accounts) => {
        const admin = (): Promise<Connection> =>
          stock.createConnection({ host, port, user, password })
        const connection = await admin()
        await connection.query('CREATE DATABASE app')
        for (const account of accounts) {
          await connection.query("CREATE USER ?@'%' IDENTIFIED BY ?", [
            account.user,
            account.password,
          ])
          await connection.query("GRANT ALL ON app.* TO ?@'%'", [account.user])
        }
        await connection.end()
        return {
          address: { host, port, database: 'app' },
          async lookout() {
            const watching = await admin()
            return {
              async sessions() {
                // Nobody but the benchmark uses this server: who is not the admin, or the server itself, belongs to the pool.
                const open = await ended.leftOutOf(async () => {
                  const [rows] = await watching.query<({ id: number } & RowDataPacket)[]>(
                    `SELECT id AS id FROM ${processlist}
                    WHERE user NOT IN ('root', 'event_scheduler', 'system user')`,
                  )
                  return rows
                })
                return open.map(({ id }) => String(id))
              },
              end: () => watching.end(),
            }
          },
        }
      }),

    openStock(address, max, account) {
      const pool = watch(stock.createPool({ ...options(address, max), ...account }))
      const internals = internalsOf(pool)
      const retired = new WeakSet<CoreConnection>()
      const close = (connection: CoreConnection): void => {
        connection._removeFromPool()
        connection._realEnd()
      }
      const release = internals.releaseConnection.bind(internals)
      internals.releaseConnection = (connection) => {
        if (retired.has(connection)) close(connection)
        else release(connection)
      }
      return {
        ...adapt(pool),
        use: (next) => void Object.assign(internals.config.connectionConfig, next),
        evictIdle() {
          for (const connection of membersOf(internals._freeConnections)) close(connection)
          for (const connection of membersOf(internals._allConnections)) retired.add(connection)
        },
      }
    },

    openRekey(address, max, credentials, rotation) {
      const pool = rekey.createPool({ ...options(address, max), credentials, rotation })
      watch(pool)
      return {
        ...adapt(pool),
        drained: () => pool.drained(),
        emitters() {
          const internals = internalsOf(pool)
          const connections = membersOf(internals._allConnections)
          return [pool, internals, ...connections.flatMap((each) => [each, each.stream])]
        },
      }
    },

    openWorks(which, address, account) {
      const pool = open()
      function open(): Pool {
        const opened = options(address, 4)
        if (which === 'stock') return stock.createPool({ ...opened, ...account })
        if (which === 'without') return rekey.createPool({ ...opened, ...account })
        return rekey.createPool({ ...opened, credentials: steadyCredentials(account) })
      }
      return {
        async 'checkout and release'(times) {
          for (let time = 0; time < times; time += 1) {
            const connection = await pool.getConnection()
            connection.release()
          }
        },
        async 'short query'(times) {
          for (let time = 0; time < times; time += 1) await pool.query('select 1')
        },
      }
    },
  }
}

export const mysql: Subject = subject(
  'mysql',
  'MySQL on loopback with caching_sha2_password, no TLS',
  'performance_schema.processlist',
)

export const mariadb: Subject = subject(
  'mariadb',
  'MariaDB on loopback with mysql_native_password, no TLS',
  'information_schema.processlist',
)
