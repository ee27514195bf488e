import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Certificates } from '../../packages/drill/src/servers/server.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Speaks TLS before a server that does not, and passes on what it decrypts, until the test is over. */
export async function tlsFront(
  behind: Address,
  { certificate: cert, key }: Certificates,
): Promise<Address> {
  const sockets = new Set<Socket>()
  const server = createServer({ cert, key }, (client) => {
    const backend = connect(behind.port, behind.host)
    for (const [from, to] of [
      [client, backend],
      [backend, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from) && to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}
