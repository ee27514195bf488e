import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Account, Place, RefusedLogin, Server } from '../servers/server.ts'

/** One conversation that has bound. */
interface Bound {
  readonly id: number
  readonly user: string
  readonly socket: Socket
  readonly notes: string[]
  cancel?: (() => void) | undefined
}

/**
 * A directory that speaks lines over TCP, as a server that no adapter of ours knows: `BIND user password` first, then
 * requests, each answered by one line in its turn. Its accounts may have two passwords at once.
 */
export async function startDirectory(): Promise<Server> {
  const passwords = new Map<string, string[]>()
  const bound = new Map<number, Bound>()
  const refused: RefusedLogin[] = []
  const sockets = new Set<Socket>()
  let ceiling = Infinity
  let counted = 0
  let lastId = 0

  function bind(socket: Socket, user: string, password: string): Bound | string {
    const reject = (code: string, reason: RefusedLogin['reason']): string => {
      refused.push({ user, code, reason })
      return code
    }
    if (!passwords.get(user)?.includes(password)) return reject('DENIED', 'credentials')
    if (bound.size >= ceiling) return reject('BUSY', 'ceiling')
    lastId += 1
    const session: Bound = { id: lastId, user, socket, notes: [] }
    bound.set(session.id, session)
    socket.once('close', () => bound.delete(session.id))
    return session
  }

  const requests: Record<string, (session: Bound, word: string) => unknown> = {
    WHOAMI: ({ user }) => user,
    COUNT: () => (counted += 1),
    READ: () => counted,
    NOTE: ({ notes }, word) => notes.push(word),
    NOTES: ({ notes }) => notes.join(','),
    CANCEL(_, id) {
      bound.get(Number(id))?.cancel?.()
      return 'DONE'
    },
    SLEEP: (session) =>
      new Promise<string>((resolve) => {
        const timer = setTimeout(resolve, 30_000, 'AWAKE')
        session.cancel = () => resolve('CANCELLED')
        session.socket.once('close', () => clearTimeout(timer))
      }),
  }

  async function converse(socket: Socket): Promise<void> {
    let session: Bound | undefined
    // It lets a session go before its own last word.
    socket.once('end', () => bound.delete(session?.id ?? 0))
    for await (const line of createInterface({ input: socket })) {
      const [request = '', first = '', second = ''] = line.split(' ')
      if (request === 'UNBIND') {
        bound.delete(session?.id ?? 0)
        return void socket.end()
      }
      if (session === undefined) {
        const outcome = bind(socket, first, decodeURIComponent(second))
        if (typeof outcome === 'string') return void socket.end(`${outcome}\n`)
        session = outcome
        socket.write(`BOUND ${session.id}\n`)
      } else {
        socket.write(`${String(await requests[request]?.(session, first))}\n`)
      }
    }
  }

  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    // The lines break off with the socket.
    converse(socket).catch(() => {})
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const host = '127.0.0.1'
  const { port } = listener.address() as AddressInfo

  async function setPassword({ user, password }: Account): Promise<void> {
    const [newest] = passwords.get(user) ?? []
    passwords.set(user, newest === undefined ? [password] : [password, newest])
  }
  async function rotate({ user }: { user: string }): Promise<Account> {
    const account = { user, password: randomBytes(12).toString('hex') }
    passwords.set(user, [account.password])
    return account
  }
  const place: Place = {
    host,
    port,
    database: 'directory',
    createAccount: () => rotate({ user: `user${passwords.size}` }),
    rotate,
    setPassword,
    revoke: async ({ user }) => void passwords.delete(user),
    sessions: async (asked) =>
      [...bound.values()]
        .filter(({ user }) => asked === undefined || user === asked)
        .map(({ id, user }) => ({ id, user })),
    kill: async ({ id }) => void bound.get(id)?.socket.resetAndDestroy(),
    refusedLogins: async () => refused,
    async [Symbol.asyncDispose]() {},
  }
  return {
    host,
    port,
    async createPlace({ sessions }) {
      ceiling = sessions
      return place
    },
    pause() {
      throw new Error('This server runs in the process of the test.')
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
