import { systemClock, type Clock } from '@rekey/core'
import { Redis, type RedisOptions } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import { expect, inject, onTestFinished } from 'vitest'
import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import type { RedisGroup } from '../servers/redis-groups/redis-group.ts'
import { connectRedis } from '../servers/redis.ts'
import type { ServerAddress } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'

/** The floor knows the older protocol only. */
export const protocols: readonly (2 | 3)[] = inject('driverVersion').startsWith('5.') ? [2] : [2, 3]

/** Both servers, and all protocols that the driver speaks. */
export const everyWay = (['redis', 'valkey'] as const).flatMap((kind) =>
  protocols.map((protocol) => ({ kind, protocol })),
)
export type Way = (typeof everyWay)[number]

function accessTo(kind: Way['kind'], address?: ServerAddress): ServerAccess {
  return {
    connectServer: async () => connectRedis(address ?? (await serverAddress(kind))),
    isGoodbye: (chunk) => /^\*1\r\n\$4\r\nquit\r\n/i.test(chunk.toString('latin1')),
  }
}

export async function openStage(kind: Way['kind'], clock?: Clock): Promise<Stage> {
  return new Stage(await setUp(accessTo(kind), 1), clock)
}

/** The same on a server that nobody else uses. */
export async function openStageOfItsOwn(kind: Way['kind']): Promise<Stage> {
  const { stop, ...address } = await startServer(kind)
  onTestFinished(stop)
  return new Stage(await setUp(accessTo(kind, address), 1))
}

/** The same on a group of servers, which belongs to the test file. Nobody has to go through its proxy. */
export async function openGroupStage(
  group: RedisGroup,
  clock: Clock = systemClock,
): Promise<Stage> {
  const place = group.createPlace()
  const { host, port } = place
  const proxy = await startProxy({ host, port })
  const accounts = [await place.createAccount(), await place.createAccount()] as const
  const server = {
    host,
    port,
    createPlace: async () => place,
    pause: () => group.pause(group.nodes[0]!),
  }
  return new Stage(
    { server: { ...server, async [Symbol.asyncDispose]() {} }, place, proxy, accounts },
    clock,
  )
}

interface Endable {
  on(event: 'error', listener: () => void): unknown
  disconnect(): void
}

/** A client that is over with its block, and whose connection may die in peace. */
export function closing<Client extends Endable>(client: Client): Client & AsyncDisposable {
  client.on('error', () => {})
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      client.disconnect()
      await Promise.resolve()
    },
  })
}

/** A rotating client of a stage, with keys of its place. */
export function connect(
  { address: { host, port, database }, credentials }: Stage,
  protocol: 2 | 3,
  options: RedisOptions = {},
): Redis & AsyncDisposable {
  const own = { host, port, credentials, protocol, keyPrefix: database, ...options }
  return closing(new Redis({ ...own, rotation: { spread: 0, ...options.rotation } }))
}

/** The user, by the server's own word. */
export async function userOf(client: DriverRedis): Promise<string> {
  return String(await client.call('ACL', 'WHOAMI'))
}

/** A connection of the operator's. */
export async function adminOf(kind: Way['kind']): Promise<DriverRedis & AsyncDisposable> {
  const { host, port, user: username, password } = await serverAddress(kind)
  return closing(new DriverRedis({ host, port, username, password }))
}

/** Three times: everybody goes over, nothing is left of the old user, and what is published then is heard once. */
export async function expectToHearThrough(
  stage: Stage,
  subscriber: Redis,
  publisher: Redis,
): Promise<void> {
  const channel = `${stage.place.database}news`
  const heard: string[] = []
  subscriber.on('message', (_, text) => heard.push(text))
  await subscriber.subscribe(channel)
  await publisher.ping()
  for (const text of ['first', 'second', 'third']) {
    const { user } = stage.account
    await stage.rotate()
    await Promise.all([subscriber.drained(), publisher.drained()])
    // Where a proxy is in between, it closes its side a moment later.
    await until('nothing of the old user', async () => {
      return (await stage.place.sessions(user)).length === 0
    })
    await publisher.publish(channel, text)
    await until('the message', () => heard.at(-1) === text)
  }
  expect(heard).toHaveLength(3)
}
