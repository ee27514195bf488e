import { conflict, count, invalid } from '@rekey/core'
import type { RedisOptions } from 'ioredis'
import type { CredentialsFactory } from './factory.ts'
import type { PoolOptions } from './pool.ts'
import { makeRedis } from './redis-factory.ts'

/** @throws {RekeyError} `ERR_REKEY_OPTION` */
export function checkFactory<T>(factory: CredentialsFactory<T>): void {
  if (typeof factory !== 'object' || factory === null) {
    throw invalid('factory', factory, 'an object with create and destroy')
  }
  for (const name of ['create', 'destroy'] as const) mustBeFunction(factory, name)
  for (const name of ['validate', 'refused', 'closed', 'kill', 'cancel', 'describe'] as const) {
    if (factory[name] !== undefined) mustBeFunction(factory, name)
  }
}

function mustBeFunction<Name extends string>(
  factory: { [key in Name]?: unknown },
  name: Name,
): void {
  if (typeof factory[name] === 'function') return
  throw invalid(`factory.${name}`, factory[name], 'a function')
}

/** @throws {RekeyError} `ERR_REKEY_OPTION` */
export function checkPoolOptions(options: PoolOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid('poolOptions', options, 'an object, such as { max: 10 }')
  }
  const { rotation = {} } = options
  if (typeof rotation !== 'object' || rotation === null) {
    throw invalid('rotation', rotation, 'an object, such as { atOnce: 1 }')
  }
  // The driver reads numbers in strings, and takes what it cannot read for its default.
  for (const [option, least] of [
    ['max', 1],
    ['min', 0],
  ] as const) {
    const size: unknown = options[option]
    if (size === undefined || size === null) continue
    count(option, typeof size === 'string' && size.trim() !== '' ? Number(size) : size, least)
  }
}

/** @throws {RekeyError} `ERR_REKEY_CONFLICT` for a user or a password in the options or in the URL, as the driver reads both. */
export function checkRedisOptions(url: string | undefined, options: RedisOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid('redisOptions', options, 'an object, such as { host }, or a URL')
  }
  const read = makeRedis(url, { ...options, lazyConnect: true }).options
  for (const option of ['username', 'password'] as const) {
    if (read[option] === undefined || read[option] === null || read[option] === '') continue
    throw conflict(option, 'leave it out, of the URL too: the credentials bring it')
  }
}
