import mysql, { type PoolOptions } from '@rekey/mysql2'
import type { PoolConnection } from 'mysql2/promise'
import type { Adapter, Pool } from '../contract/adapter.ts'
import type { ServerAccess } from '../contract/stage.ts'
import { numberFrom, userOf } from './asking.ts'
import { holds } from './holds.ts'

/** What the contract does with a pool, in the driver's words. */
function adapt(core: ReturnType<typeof mysql.createPool>): Pool<PoolConnection> {
  const pool = core.promise()
  return {
    borrow: () => pool.getConnection(),
    release: (connection) => connection.release(),
    discard: (connection) => connection.destroy(),
    get generations() {
      return pool.generations
    },
    drained: () => pool.drained(),
    onDrained: (listener) => void pool.on('drained', listener),
    // A second end is an error where there were connections, as the driver has it.
    end: async () => (isClosed(core) ? undefined : pool.end()),
  }
}

function isClosed(pool: object): boolean {
  return '_closed' in pool && pool._closed === true
}

/** The adapter for one of the servers that the driver speaks to, with what its pools need to get there. */
export function adapterFor(
  access: ServerAccess,
  way: Pick<PoolOptions, 'ssl'> = {},
): Adapter<PoolConnection> {
  return {
    name: 'mysql2',
    endedMessage: 'Pool is closed.',
    ...access,
    openPool: (at, credentials, { max, rotation }) =>
      adapt(mysql.createPool({ ...at, ...way, connectionLimit: max, rotation, credentials })),
    userOf,
    sessionOf: (connection) => connection.threadId,
    counter: {
      async make(connection) {
        await connection.query('CREATE TABLE counter (count int)')
        await connection.query(
          `CREATE PROCEDURE count_slowly() BEGIN
             INSERT INTO counter VALUES (1);
             SELECT count FROM counter WHERE sleep(30);
           END`,
        )
      },
      countSlowly: async (connection) => void (await connection.query('CALL count_slowly()')),
      read: (connection) => numberFrom(connection, 'SELECT count(*) AS number FROM counter'),
    },
    holds,
  }
}
