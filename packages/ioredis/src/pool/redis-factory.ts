import type { Credentials, CredentialsCache } from '@rekey/core'
import { Redis, type RedisOptions } from 'ioredis'
import { refusalOf, withoutSecrets } from '../refusal.ts'
import type { CredentialsFactory } from './factory.ts'

/**
 * Exclusive connections: one socket each. One that is lost does not come back by itself, since what it held (WATCH, an
 * open MULTI, a lock) would not; the pool opens another.
 */
export function redisFactory(
  cache: CredentialsCache,
  url: string | undefined,
  options: RedisOptions,
): CredentialsFactory<Redis> {
  /** The server's numbers for the connections; those of an account that may not ask for it have none. */
  const ids = new WeakMap<Redis, number>()

  async function create(credentials: Credentials, signal: AbortSignal): Promise<Redis> {
    const redis = makeRedis(url, { ...options, lazyConnect: true })
    let pair: Credentials | undefined = credentials
    showPair(redis, () => pair ?? cache.current ?? credentials)
    try {
      ids.set(redis, await logIn(redis, options.connectTimeout ?? 10_000, signal))
    } finally {
      pair = undefined
      if (redis.condition !== null) delete redis.condition.auth
    }
    return redis
  }

  return {
    create,
    async destroy(redis) {
      // What the connection is in the middle of would keep a goodbye waiting.
      const isQuiet = redis.status === 'ready' && redis.commandQueue.length === 0
      if (isQuiet) redis.quit().catch(() => {})
      else redis.disconnect()
      await ended(redis)
    },
    closed: ended,
    kill,
    // Whatever the server answers, it answers: an account may be allowed less than a PING.
    validate: (redis) => redis.ping().then(() => true, isReply),
    refused: refusalOf,
    cancel(redis, idle) {
      const id = ids.get(redis)
      if (id) idle?.client('UNBLOCK', id, 'ERROR').catch(() => {})
    },
    describe: (redis) => ({ id: ids.get(redis) }),
  }
}

/** The driver's client for a URL, for options, or for both. It does not connect before it is told to, if the options say so. */
export function makeRedis(url: string | undefined, options: RedisOptions): Redis {
  // Without the type of the replies, which the driver's constructor would ask for.
  const exclusive = { ...options, retryStrategy: null, reconnectOnError: null } as object
  return url === undefined ? new Redis(exclusive) : new Redis(url, exclusive)
}

// Read when it connects, and by `duplicate()`; what looks at the connection finds no password on it.
function showPair(redis: Redis, current: () => Credentials): void {
  Object.defineProperties(redis.options, {
    username: { enumerable: true, configurable: true, get: () => current().user },
    password: { enumerable: true, configurable: true, get: () => current().password.reveal() },
  })
}

/** Gives back the server's number for the connection, or 0 where the account may not ask for it. */
async function logIn(redis: Redis, limit: number, signal: AbortSignal): Promise<number> {
  const errors: Error[] = []
  const note = (error: Error): void => void errors.push(withoutSecrets(error))
  // A connection that is lost while its holder looks away must not fill the log.
  redis.on('error', () => {}).on('error', note)
  const giveUp = (error: Error): void => {
    errors.push(error)
    kill(redis)
  }
  const abandon = (): void => giveUp(signal.reason as Error)
  // The driver's own limit is over with the TCP handshake; the server may be silent after that, too.
  const timer = setTimeout(() => giveUp(timedOut()), limit)
  signal.addEventListener('abort', abandon)
  try {
    await redis.connect()
    return await redis.client('ID').catch((error: Error) => {
      if (isReply(error)) return 0
      throw error
    })
  } catch (error) {
    await ended(redis)
    throw errors.find(refusalOf) ?? errors[0] ?? error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abandon)
    redis.off('error', note)
  }
}

function timedOut(): Error {
  return Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT', syscall: 'connect' })
}

function isReply(error: Error): boolean {
  return error.name === 'ReplyError'
}

function kill(redis: Redis): void {
  redis.disconnect()
  // It has none before it has looked up its address.
  ;(redis.stream as Redis['stream'] | undefined)?.destroy()
}

/** Resolves when the socket is closed. */
async function ended(redis: Redis): Promise<void> {
  if (redis.status === 'end') return
  await new Promise<void>((resolve) => {
    redis.once('end', resolve)
  })
}
