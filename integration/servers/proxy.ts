import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import path from 'node:path'

/** Where a proxy leads, and how to know a client's goodbye in that protocol. */
export interface Upstream {
  readonly host: string
  readonly port: number
  /** A unix socket that leads there, in the place of host and port: then the proxy is one, too. */
  readonly socketPath?: string | undefined
  isGoodbye?(chunk: Buffer): boolean
}

/** A proxy on loopback that can make every kind of trouble on the way to a real server. */
export interface Proxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly socketPath: string | undefined
  /** Connections that are open to the server at the moment. */
  readonly open: number
  /** The most that were open at once. */
  readonly peak: number
  /** All that clients have opened so far. */
  readonly total: number
  /** Milliseconds that every byte takes longer, each way. */
  delay: number
  /** Milliseconds that a client's goodbye takes longer: its session stays open at the server until then. */
  goodbyeDelay: number
  /** Milliseconds that the end of a connection takes longer on its way to the client. */
  closeDelay: number
  /** How many of the next connections are cut at the server's first word. */
  cutLogins: number
  /** How many of the next connections are half open from the server's first word on, as by {@link halfOpen}. */
  halfOpenLogins: number
  /** How many of the next connections are taken and then meet silence: the server hears nothing of them. */
  silentLogins: number
  /** From now on nothing passes, and new connections meet silence. Nothing is lost. */
  stall(): void
  /** What was stalled goes on. */
  resume(): void
  /** Resets every connection. */
  cut(): void
  /** Every connection loses the server, and its client is told nothing: not even that it may close. */
  halfOpen(): void
}

interface Pipe {
  readonly client: Socket
  readonly server: Socket
  isHalfOpen: boolean
}

export async function startProxy(upstream: Upstream): Promise<Proxy> {
  const all = new Set<Pipe>()
  const silent = new Set<Socket>()
  /** Those of which the server has not taken its leave. */
  const pipes = new Set<Pipe>()
  let peak = 0
  let total = 0
  let stalled = Promise.withResolvers<void>()
  stalled.resolve()

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    total += 1
    client.setNoDelay(true)
    if (takeOne('silentLogins')) ignore(client)
    else join(client)
  })

  // A unix socket knows no reset.
  function cutOff(socket: Socket): void {
    if (upstream.socketPath === undefined) socket.resetAndDestroy()
    else socket.destroy()
  }

  function reset({ client, server }: Pipe): void {
    cutOff(client)
    cutOff(server)
  }

  function takeOne(fault: 'cutLogins' | 'halfOpenLogins' | 'silentLogins'): boolean {
    if (proxy[fault] === 0) return false
    proxy[fault] -= 1
    return true
  }

  function ignore(client: Socket): void {
    silent.add(client)
    client.on('error', () => {})
    client.on('close', () => silent.delete(client))
    client.resume()
  }

  function join(client: Socket): void {
    const { host, port, socketPath } = upstream
    const to = socketPath === undefined ? { host, port } : { path: socketPath }
    const server = connect({ ...to, allowHalfOpen: true, noDelay: true })
    const pipe: Pipe = { client, server, isHalfOpen: false }
    const atFirstWord = takeOne('cutLogins') ? reset : takeOne('halfOpenLogins') ? lose : undefined
    all.add(pipe)
    pipes.add(pipe)
    peak = Math.max(peak, pipes.size)
    // What breaks on one side breaks on the other.
    client.on('error', () => reset(pipe))
    server.on('error', () => reset(pipe))
    // With its last word the server has let the session go.
    server.on('end', () => pipes.delete(pipe))
    server.on('close', () => pipes.delete(pipe) && all.delete(pipe))
    server.prependOnceListener('data', () => atFirstWord?.(pipe))
    pump(pipe, client, server, (chunk) =>
      chunk === undefined || upstream.isGoodbye?.(chunk) ? proxy.goodbyeDelay : 0,
    )
    pump(pipe, server, client, (chunk) => (chunk === undefined ? proxy.closeDelay : 0))
  }

  function lose(pipe: Pipe): void {
    pipe.isHalfOpen = true
    pipes.delete(pipe)
    cutOff(pipe.server)
  }

  /** Carries everything over in order, each part after its own delay. `undefined` is the end. */
  function pump(
    pipe: Pipe,
    from: Socket,
    to: Socket,
    extra: (chunk: Buffer | undefined) => number,
  ): void {
    let before = Promise.resolve()
    const carry = (chunk: Buffer | undefined): void => {
      const wait = later(proxy.delay + extra(chunk))
      before = before.then(async () => {
        await wait
        await stalled.promise
        if (to.destroyed || pipe.isHalfOpen) return
        if (chunk === undefined) to.end()
        else to.write(chunk)
      })
    }
    from.on('data', carry)
    from.on('end', () => carry(undefined))
  }

  // Beside the server's own, whose folder goes with it, also where this process is killed.
  const socketPath =
    upstream.socketPath === undefined
      ? undefined
      : path.join(path.dirname(upstream.socketPath), `proxy-${randomBytes(6).toString('hex')}`)
  const proxy: Proxy = {
    host: '127.0.0.1',
    get port() {
      const address = listener.address() as AddressInfo | string
      return typeof address === 'string' ? 0 : address.port
    },
    socketPath,
    get open() {
      return pipes.size
    },
    get peak() {
      return peak
    },
    get total() {
      return total
    },
    delay: 0,
    goodbyeDelay: 0,
    closeDelay: 0,
    cutLogins: 0,
    halfOpenLogins: 0,
    silentLogins: 0,
    stall() {
      stalled = Promise.withResolvers()
    },
    resume() {
      stalled.resolve()
    },
    cut() {
      for (const pipe of all) reset(pipe)
      for (const client of silent) cutOff(client)
    },
    halfOpen() {
      for (const pipe of pipes) lose(pipe)
    },
    async [Symbol.asyncDispose]() {
      proxy.cut()
      listener.close()
      await once(listener, 'close')
    },
  }
  if (socketPath === undefined) listener.listen(0, '127.0.0.1')
  else listener.listen(socketPath)
  await once(listener, 'listening')
  return proxy
}

function later(delay: number): Promise<void> {
  if (delay === 0) return Promise.resolve()
  return new Promise((resolve) => {
    setTimeout(resolve, delay)
  })
}
