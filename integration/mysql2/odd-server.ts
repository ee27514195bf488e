import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** A server that says what it is told to: listens on this port of the loopback. */
export interface OddServer extends AsyncDisposable {
  readonly port: number
}

/** Starts one. @param talk What it does with each connection. */
export async function oddServer(talk: (socket: Socket) => void): Promise<OddServer> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.resume()
    talk(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html */
export function packet(sequence: number, ...parts: (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  return Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), body])
}

/** What a server says first: one without TLS, whose accounts log in by mysql_native_password. */
export const greeting: Buffer = packet(
  0,
  ...[[10], '8.0.0\0', [1, 0, 0, 0], 'abcdefgh', [0]],
  // What it can do, its charset and status, and the length of the challenge.
  ...[[5, 162], [45], [2, 0], [8, 0], [21], Array.from({ length: 10 }, () => 0)],
  ...['ijklmnopqrst\0', 'mysql_native_password\0'],
)
