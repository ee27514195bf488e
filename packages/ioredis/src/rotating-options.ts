import type { CredentialsCache } from '@rekey/core'
import type { RedisOptions } from 'ioredis'
import { rotatingConnector } from './connector.ts'
import { Group } from './group.ts'
import { checkRedisOptions, type RotationOptions } from './options.ts'

/**
 * Options for a library that constructs its clients itself. Whatever it makes with them, by `new Redis(options)`, by
 * `duplicate()` or as the `redisOptions` of a cluster, logs in with the current credentials and goes over to new ones.
 * All of it rotates together.
 *
 * @param options What else the clients are to be given, and `rotation`.
 * @throws {RekeyError} As `Redis` does.
 *
 * @example
 * const connection = rotatingRedisOptions(credentials, { host, maxRetriesPerRequest: null })
 * new Worker('mail', send, { connection })
 */
export function rotatingRedisOptions<Options extends RedisOptions = object>(
  credentials: CredentialsCache,
  options?: Options & { rotation?: RotationOptions | undefined },
): Omit<Options, 'rotation'> & Pick<RedisOptions, 'Connector'> {
  const { rotation = {}, ...rest } = options ?? ({} as NonNullable<typeof options>)
  // BullMQ has it, and gives it to the client beside the rest.
  const { url } = rest as { url?: unknown }
  checkRedisOptions([{ ...rest, credentials, rotation }, url])
  const group = new Group('ioredis.Redis', credentials, rotation, () => {})
  return { ...rest, Connector: rotatingConnector(group, rest.Connector) as never }
}
