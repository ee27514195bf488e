import type { EventEmitter } from 'node:events'
import { Pool } from '@rekey/pg'
import pg from 'pg'
import { steadyCredentials } from '../credentials.ts'
import { startWithAccounts } from '../server.ts'
import { poolWorks, type Address, type Pool as BenchPool, type Subject } from '../subject.ts'

/** What the driver's types leave out. */
interface Internals {
  readonly _clients: (pg.Client &
    EventEmitter & { connection: EventEmitter & { stream: EventEmitter } })[]
  readonly _idle: { client: pg.Client }[]
  readonly _expired: WeakSet<pg.Client>
  _remove(client: pg.Client): void
}

function internalsOf(pool: pg.Pool): Internals {
  return pool as unknown as Internals
}

function options(address: Address, max: number): pg.PoolConfig {
  return { ...address, max, idleTimeoutMillis: 0 }
}

function adapt(pool: pg.Pool): BenchPool {
  pool.on('error', () => {})
  return {
    query: (sql) => pool.query(sql),
    connect: () => pool.connect(),
    end: () => pool.end(),
  }
}

export const postgres: Subject = {
  about: 'embedded PostgreSQL on loopback with SCRAM, no TLS',
  short: 'select 1',
  transaction: ['begin', 'select pg_sleep(0.02)', 'commit'],
  works: poolWorks,
  shared: 0,

  startServer: (signal) =>
    startWithAccounts('postgres', signal, async ({ user, password, ...at }, accounts) => {
      const address = { ...at, database: 'postgres' }
      const admin = async (): Promise<pg.Client> => {
        const client = new pg.Client({ ...address, user, password })
        await client.connect()
        return client
      }
      const client = await admin()
      for (const account of accounts) {
        const secret = pg.escapeLiteral(account.password)
        await client.query(`CREATE ROLE ${account.user} LOGIN PASSWORD ${secret}`)
      }
      await client.end()
      return {
        address,
        async lookout() {
          const watching = await admin()
          return {
            async sessions() {
              // Nobody but the benchmark uses this server: whoever is not this connection belongs to the pool.
              const { rows } = await watching.query<{ id: string }>(
                `select concat(pid, ' ', backend_start) as id from pg_stat_activity
                where backend_type = 'client backend' and pid <> pg_backend_pid()`,
              )
              return rows.map(({ id }) => id)
            },
            end: () => watching.end(),
          }
        },
      }
    }),

  openStock(address, max, account) {
    const pool = new pg.Pool({ ...options(address, max), ...account })
    const internals = internalsOf(pool)
    return {
      ...adapt(pool),
      use: (next) => void Object.assign(pool.options, next),
      evictIdle() {
        for (const { client } of [...internals._idle]) internals._remove(client)
        for (const client of internals._clients) internals._expired.add(client)
      },
    }
  },

  openRekey(address, max, credentials, rotation) {
    const pool = new Pool({ ...options(address, max), credentials, rotation })
    return {
      ...adapt(pool),
      drained: () => pool.drained(),
      emitters: () => [
        pool,
        ...internalsOf(pool)._clients.flatMap((client) => [
          client,
          client.connection,
          client.connection.stream,
        ]),
      ],
    }
  },

  openWorks(kind, address, account) {
    const pool = open()
    function open(): pg.Pool {
      if (kind === 'stock') return new pg.Pool({ ...options(address, 4), ...account })
      if (kind === 'without') return new Pool({ ...options(address, 4), ...account })
      return new Pool({ ...options(address, 4), credentials: steadyCredentials(account) })
    }
    return {
      async 'checkout and release'(times) {
        for (let time = 0; time < times; time += 1) {
          const client = await pool.connect()
          client.release()
        }
      },
      async 'short query'(times) {
        for (let time = 0; time < times; time += 1) await pool.query('select 1')
      },
    }
  },
}
