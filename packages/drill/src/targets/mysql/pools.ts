import mysql from '@rekey/mysql2/promise'
import stock, { type Pool, type PoolOptions } from 'mysql2/promise'
import type { DriverPools } from '../pools.ts'
import type { EndedSessions } from './ended-sessions.ts'
import { mysqlUnits } from './units.ts'

/** Where the server is, and the schema that the drill works in. */
export interface Place extends Pick<PoolOptions, 'host' | 'port' | 'socketPath' | 'ssl'> {
  readonly database: string
}

/** What the driver's types leave out. */
interface Internals {
  readonly config: { readonly connectionConfig: object }
  readonly _allConnections: { length: number }
  readonly _freeConnections: { length: number }
  readonly _connectionQueue: { length: number }
}

export function mysqlPools(place: Place, ended: EndedSessions): DriverPools<Pool> {
  function watch(pool: Pool, onLogin: () => void): void {
    pool.on('connection', (opened) => {
      ended.watch(opened)
      onLogin()
    })
  }

  return {
    openStock({ user, password }, { max, onLogin }) {
      const pool = stock.createPool({ ...place, connectionLimit: max, user, password })
      watch(pool, onLogin)
      return pool
    },
    openRekey(credentials, { max, spread, onLogin }) {
      const options = { ...place, connectionLimit: max, rotation: { spread } }
      const pool = mysql.createPool({ ...options, credentials })
      watch(pool, onLogin)
      return pool
    },
    mutate: (pool, { user, password }) =>
      void Object.assign(internalsOf(pool).config.connectionConfig, { user, password }),
    units: mysqlUnits,
    describe(pool) {
      const { _allConnections, _freeConnections, _connectionQueue } = internalsOf(pool)
      return `${_allConnections.length} open, ${_freeConnections.length} idle, ${_connectionQueue.length} waiting`
    },
    end: (pool) => pool.end(),
  }
}

function internalsOf({ pool }: Pool): Internals {
  return pool as unknown as Internals
}

const goodbye = Buffer.from([1, 0, 0, 0, 1])

/** COM_QUIT, in a packet of its own. */
export function isGoodbye(chunk: Uint8Array): boolean {
  return goodbye.equals(chunk)
}
