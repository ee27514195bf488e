import { Redis } from 'ioredis'
import { DrillError } from '../../error.ts'

/** A connection of the user who may set others. @throws {DrillError} if there is none. */
export async function connect(url: string): Promise<Redis> {
  // The driver does not know the other name of the same protocol.
  const client = new Redis(url.replace(/^valkey/, 'redis'), {
    lazyConnect: true,
    // A server that goes away is noticed by the next command.
    retryStrategy: () => null,
  })
  let failure: unknown
  client.on('error', (error) => (failure = error))
  try {
    await client.connect()
    return client
  } catch (error) {
    client.disconnect()
    const { hostname, port, username } = new URL(url)
    const where = `${hostname}:${port || 6379} as ${username || 'default'}`
    throw new DrillError(
      `The server could not be reached at ${where}: ${String(failure ?? error)}`,
      {
        cause: failure ?? error,
      },
    )
  }
}

/** What the server answers. @throws {DrillError} with what it says where it refuses. */
export async function ask<Reply>(reply: Promise<Reply>): Promise<Reply> {
  try {
    return await reply
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}
