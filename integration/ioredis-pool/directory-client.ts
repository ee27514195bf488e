import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { CredentialsFactory } from '@rekey/ioredis/pool'

/** What the directory says at the door instead of letting in. */
class NotBound extends Error {
  readonly code: string

  constructor(code: string) {
    super(`The directory answered ${code}`)
    this.code = code
  }
}

/** One conversation with the directory, as somebody's own client of it would be. */
export class DirectoryClient {
  id = 0
  readonly socket: Socket
  readonly closed: Promise<unknown>
  readonly #waiting: PromiseWithResolvers<string>[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.once('close', resolve)
    })
    socket.on('error', () => {})
    createInterface({ input: socket })
      .on('line', (line) => this.#waiting.shift()?.resolve(line))
      .on('error', () => {})
    socket.once('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('The socket is closed'))
    })
  }

  /** Rejects when the socket is closed again. */
  static async bind(
    { host, port }: { host: string; port: number },
    { user, password }: { user: string; password: string },
    signal?: AbortSignal,
  ): Promise<DirectoryClient> {
    const client = new DirectoryClient(connect({ host, port }))
    const abandon = (): unknown => client.socket.destroy()
    signal?.addEventListener('abort', abandon)
    try {
      const [word = '', id] = (
        await client.ask(`BIND ${user} ${encodeURIComponent(password)}`)
      ).split(' ')
      if (word !== 'BOUND') throw new NotBound(word)
      client.id = Number(id)
      return client
    } catch (error) {
      client.socket.destroy()
      await client.closed
      throw error
    } finally {
      signal?.removeEventListener('abort', abandon)
    }
  }

  ask(line: string): Promise<string> {
    const answer = Promise.withResolvers<string>()
    if (this.socket.destroyed) answer.reject(new Error('The socket is closed'))
    else this.#waiting.push(answer)
    this.socket.write(`${line}\n`)
    return answer.promise
  }

  /** Resolves when the socket is closed. */
  async unbind(): Promise<void> {
    this.socket.write('UNBIND\n')
    await this.closed
  }
}

/** The little that a factory has to say. */
export function directoryFactory(at: {
  host: string
  port: number
}): CredentialsFactory<DirectoryClient> {
  return {
    create: ({ user, password }, signal) =>
      DirectoryClient.bind(at, { user, password: password.reveal() }, signal),
    destroy: (client) => client.unbind(),
    refused: (error) => error instanceof NotBound && error.code === 'DENIED',
  }
}

/** With all that it may say. */
export function fullDirectoryFactory(at: {
  host: string
  port: number
}): CredentialsFactory<DirectoryClient> {
  return {
    ...directoryFactory(at),
    validate: async (client) => (await client.ask('WHOAMI')) !== '',
    closed: (client) => client.closed,
    kill: (client) => void client.socket.destroy(),
    cancel: (client, idle) => void idle?.ask(`CANCEL ${client.id}`),
    describe: ({ id }) => ({ id }),
  }
}
