import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A server that speaks no protocol: it accepts connections and does with them what it is told. */
export interface OddServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Connections that it has accepted so far. */
  readonly accepted: number
  /** Connections that are open. */
  readonly open: number
}

/** Starts one. Without `answer` it never says a word. */
export async function oddServer(answer?: (socket: Socket) => void): Promise<OddServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.resume()
    answer?.(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted
    },
    get open() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
