import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Wire } from './targets/target.ts'

/** Something that stands between a pool and its server. */
export interface Between extends AsyncDisposable {
  readonly host: string
  readonly port: number
}

/**
 * Makes a server one that takes long to close: a client's goodbye gets there so many milliseconds later, its session is open
 * until then, and so is the client's socket. All else passes at once.
 */
export async function slowGoodbyes(wire: Wire, delay: number): Promise<Between> {
  const open = new Set<Socket>()

  function pair(one: Socket, other: Socket): void {
    open.add(one)
    one.on('close', () => open.delete(one))
    // What breaks on one side breaks on the other.
    one.on('error', () => other.resetAndDestroy())
  }

  /** Everything in its order. `undefined` is the end. */
  function carry(from: Socket, to: Socket): void {
    let before = Promise.resolve()
    const pass = (chunk?: Buffer): void => {
      const wait = chunk === undefined || wire.isGoodbye(chunk) ? sleep(delay) : undefined
      before = before.then(async () => {
        await wait
        if (to.destroyed) return
        if (chunk === undefined) to.end()
        else to.write(chunk)
      })
    }
    from.on('data', pass)
    from.on('end', () => pass())
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ ...wire.at, allowHalfOpen: true, noDelay: true })
    pair(client, server)
    pair(server, client)
    carry(client, server)
    server.pipe(client)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { address: host, port } = listener.address() as AddressInfo
  return {
    host,
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
