import { checkCredentials, type CredentialsCache } from '@rekey/core'
import type { Redis, RedisOptions } from 'ioredis'
import { checkDriver } from '../options.ts'
import { checkPoolOptions, checkRedisOptions } from './options.ts'
import { openPool, type PoolOptions, type RotatingPool } from './pool.ts'
import { redisFactory } from './redis-factory.ts'

/**
 * A pool of generic-pool with exclusive ioredis connections, for WATCH and MULTI, blocking reads, and whatever else one
 * shared connection cannot do. It takes up new credentials while it works: connections with the new pair are opened, and
 * old ones closed one by one, each while nobody holds it.
 *
 * A connection that is lost does not come back by itself: `retryStrategy` and `reconnectOnError` have no meaning here.
 * Its commands fail, and the pool opens another.
 *
 * @param redisOptions The driver's options, or a URL, without user and password.
 * @param poolOptions Those of generic-pool, and `rotation`. Default `max`: 1, as there.
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a user or a password in the options or in the URL; `ERR_REKEY_OPTION`
 * for an option with a value that is not allowed; `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window;
 * `ERR_REKEY_DRIVER` for an ioredis before 5.4.
 *
 * @example
 * const pool = createRedisPool(credentials, { host: 'redis.internal' }, { max: 10 })
 * const job = await pool.use((redis) => redis.blpop('jobs', 5))
 */
export function createRedisPool(
  credentials: CredentialsCache,
  redisOptions: RedisOptions | string = {},
  poolOptions: PoolOptions = {},
): RotatingPool<Redis> {
  checkDriver()
  checkCredentials(credentials)
  const isUrl = typeof redisOptions === 'string'
  const url = isUrl ? redisOptions : undefined
  const options = isUrl ? {} : redisOptions
  checkRedisOptions(url, options)
  checkPoolOptions(poolOptions)
  return openPool(credentials, redisFactory(credentials, url, options), poolOptions)
}
