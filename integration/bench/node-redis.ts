import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { createCredentials, fromFunction } from '@rekey/core'
import { Redis as RekeyRedis } from '@rekey/ioredis'
import { Redis } from 'ioredis'
import type { Account } from '../servers/server.ts'
import type { Server } from './subject.ts'

type Protocol = 2 | 3

/** A client whose credentials rotate, whichever driver it is of. */
interface Rotating {
  send(...words: string[]): Promise<unknown>
  subscribe(channel: string, heard: (text: string) => void): Promise<unknown>
  /** Has it told of another account. */
  publish(account: Account): Promise<void>
  close(): Promise<void>
}

type Open = (server: Server, protocol: Protocol) => Promise<Rotating>

/** What a driver makes of rotations. */
export interface Peer {
  readonly name: string
  /** Of a subscriber, per protocol; the sessions of the old user are killed after each rotation, as by ACL DELUSER. */
  readonly subscribers: readonly {
    readonly protocol: Protocol
    readonly sent: number
    readonly lost: number
    readonly doubled: number
    /** Rotations after which the subscriber was still the old user's. */
    readonly old: number
  }[]
  /** AUTHs of one client in one rotation, after it has come back three times. */
  readonly auths: number
  /** Replies of an EXEC to one command, with a rotation in the middle of the transaction. */
  readonly replies: number
}

const openNodeRedis: Open = async ({ address: { host, port }, accounts }, protocol) => {
  const listeners = new Set<{ onNext: (auth: BasicAuth) => void }>()
  let current = authOf(accounts[0])
  const client = createClient({
    socket: { host, port, reconnectStrategy: () => 1 },
    RESP: protocol,
    credentialsProvider: {
      type: 'streaming-credentials-provider',
      async subscribe(listener) {
        listeners.add(listener)
        return [current, { dispose: () => void listeners.delete(listener) }]
      },
      onReAuthenticationError: () => {},
    },
  })
  client.on('error', () => {})
  await client.connect()
  return {
    send: (...words) => client.sendCommand(words),
    subscribe: (channel, heard) => client.subscribe(channel, heard),
    async publish(account) {
      current = authOf(account)
      for (const listener of listeners) listener.onNext(current)
    },
    close: async () => client.destroy(),
  }
}

interface BasicAuth {
  readonly username: string
  readonly password: string
}

function authOf({ user, password }: Account): BasicAuth {
  return { username: user, password }
}

const openRekey: Open = async ({ address: { host, port }, accounts }, protocol) => {
  let [account] = accounts
  let version = 1
  const source = fromFunction(() => ({ ...account, version: String(version) }))
  const credentials = createCredentials(source, { overlap: 60 * 60_000 })
  const rotation = { spread: 0 }
  const redis = new RekeyRedis({ host, port, protocol, credentials, rotation })
  redis.on('error', () => {})
  await redis.ping()
  return {
    send: (name = '', ...words) => redis.call(name, words),
    subscribe(channel, heard) {
      redis.on('message', (_, text) => heard(text))
      return redis.subscribe(channel)
    },
    async publish(next) {
      account = next
      version += 1
      await credentials.refresh()
    },
    async close() {
      redis.disconnect()
      await credentials.close()
    },
  }
}

const drivers: Readonly<Record<string, Open>> = {
  'node-redis, StreamingCredentialsProvider': openNodeRedis,
  '@rekey/ioredis': openRekey,
}

/** The same work for node-redis and for ours. */
export async function measurePeers(server: Server, signal: AbortSignal): Promise<Peer[]> {
  const peers: Peer[] = []
  const operator = await connectOperator(server)
  try {
    for (const [name, open] of Object.entries(drivers)) {
      const subscribers: Peer['subscribers'][number][] = []
      for (const protocol of [2, 3] as const) {
        signal.throwIfAborted()
        subscribers.push(await measureSubscriber(server, operator, open, protocol))
      }
      const auths = await measureAuths(server, operator, open)
      peers.push({ name, subscribers, auths, replies: await measureMulti(server, open) })
    }
  } finally {
    operator.disconnect()
  }
  return peers
}

/** Belongs to neither of the accounts. */
async function connectOperator({ address: { host, port }, accounts }: Server): Promise<Redis> {
  const [{ user: username, password }] = accounts
  const first = new Redis({ host, port, username, password })
  await first.acl('SETUSER', 'operator', 'on', `>${password}`, '~*', '&*', '+@all')
  first.disconnect()
  return new Redis({ host, port, username: 'operator', password })
}

const rotations = 10
/** Milliseconds after which a rotation has long reached the server. */
const settled = 100

async function measureSubscriber(
  server: Server,
  operator: Redis,
  open: Open,
  protocol: Protocol,
): Promise<Peer['subscribers'][number]> {
  const client = await open(server, protocol)
  const heard: string[] = []
  await client.subscribe('news', (text) => heard.push(text))
  let sent = 0
  const publishing = setInterval(() => void operator.publish('news', String((sent += 1))), 1)
  let old = 0
  let [next, before] = [server.accounts[1], server.accounts[0]]
  for (let rotation = 0; rotation < rotations; rotation += 1) {
    await client.publish(next)
    await sleep(settled)
    old += Number(await operator.client('KILL', 'USER', before.user)) > 0 ? 1 : 0
    await sleep(settled)
    ;[next, before] = [before, next]
  }
  clearInterval(publishing)
  await operator.ping()
  await sleep(settled)
  await client.close()
  const { size } = new Set(heard)
  return { protocol, sent, lost: sent - size, doubled: heard.length - size, old }
}

async function measureAuths(server: Server, operator: Redis, open: Open): Promise<number> {
  const client = await open(server, 3)
  const [first, second] = server.accounts
  for (let time = 0; time < 3; time += 1) {
    await operator.client('KILL', 'USER', first.user)
    await sleep(settled)
    await client.send('PING')
  }
  const before = await countAuths(operator)
  await client.publish(second)
  await sleep(settled)
  const auths = (await countAuths(operator)) - before
  await client.close()
  return auths
}

async function countAuths(operator: Redis): Promise<number> {
  const stats = await operator.info('commandstats')
  return Number(/cmdstat_auth:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

async function measureMulti(server: Server, open: Open): Promise<number> {
  const client = await open(server, 3)
  await client.send('MULTI')
  await client.send('SET', 'bench', '1')
  await client.publish(server.accounts[1])
  await sleep(settled)
  const replies = await client.send('EXEC')
  await client.close()
  return Array.isArray(replies) ? replies.length : 0
}
