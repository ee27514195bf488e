import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Kind } from './kind.ts'
import type { RunningServer, ServerAddress } from './server.ts'

/** What the tests may ask for. The second PostgreSQL is for those that must not be offered TLS. */
export type ServerName = Kind | 'postgres-without-tls'

type Answer = ServerAddress | { readonly error: string }

/** Where the run's main process listens, and the word that lets in. Every process that it starts knows it. */
const variable = 'REKEY_TEST_SERVERS'

/** The address of a server that is started once for the whole run, when it is first asked for. @throws if it cannot be had. */
export async function serverAddress(name: ServerName): Promise<ServerAddress> {
  const [port, word] = process.env[variable]?.split(' ') ?? []
  if (word === undefined) throw new Error('There are servers in a run of the tests only.')
  const socket = connect(Number(port), '127.0.0.1')
  socket.end(`${word} ${name}`)
  const answer = JSON.parse(await text(socket)) as Answer
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

/** Starts servers for whoever asks by {@link serverAddress}, until it is disposed of; then all of them stop. */
export async function serveOnDemand(
  start: (name: ServerName) => Promise<RunningServer>,
): Promise<AsyncDisposable> {
  const started = new Map<string, Promise<RunningServer>>()
  const ownWord = randomBytes(12).toString('hex')
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    let said = ''
    // Whoever asked may be gone.
    socket.on('error', () => {})
    socket.setEncoding('utf8').on('data', (part: string) => (said += part))
    // Not by `text(socket)`: under Node 22 that closes the socket at its end, both ways.
    socket.on('end', () => void serve(socket, said))
  })

  async function serve(socket: Socket, said: string): Promise<void> {
    const [word, name = ''] = said.split(' ')
    if (word !== ownWord) return void socket.destroy()
    if (!started.has(name)) started.set(name, start(name as ServerName))
    const answer: Answer = await started.get(name)!.catch((error: unknown) => ({
      error: error instanceof Error ? error.message : String(error),
    }))
    socket.end(JSON.stringify(answer))
  }

  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  process.env[variable] = `${(listener.address() as AddressInfo).port} ${ownWord}`
  return {
    async [Symbol.asyncDispose]() {
      listener.close()
      const outcomes = await Promise.allSettled(started.values())
      const running = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      await Promise.all(running.map(({ stop }) => stop()))
    },
  }
}
