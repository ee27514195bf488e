import { once } from 'node:events'
import { connect as dial, createServer, type AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataNodes } from '../../packages/drill/src/servers/redis-group/form-sentinel.ts'
import type { Address } from '../../packages/drill/src/servers/server.ts'
import { startServer, type OwnServer } from '../../packages/drill/src/servers/start-server.ts'
import type { Operator } from '../../packages/drill/src/targets/redis/operator.ts'
import { operateUnderSentinel } from '../../packages/drill/src/targets/redis/under-sentinel.ts'

const account = { username: 'app', password: 'of the app' }

let server: OwnServer
let operator: Operator
const endings: (() => void)[] = []

beforeAll(async () => {
  server = await startServer('redis', 20, AbortSignal.timeout(150_000), 'sentinel')
  operator = await operateUnderSentinel({ ...server, onStop: (work) => endings.push(work) })
  await operator.setUser(account.username, 'on', `>${account.password}`, '~*', '&*', '+@all')
})

afterAll(async () => {
  for (const work of endings) work()
  await server?.stop()
})

function connect(place: number): Redis {
  const { host, port } = server.nodes[place]!
  return new Redis({ host, port, ...account })
}

function connectToAll(): Redis[] {
  return Array.from({ length: dataNodes }, (_, place) => connect(place))
}

async function leave(redis: Redis): Promise<void> {
  const ended = once(redis, 'end')
  await redis.quit()
  await ended
}

/** A way to a node on which all that is asked gets there late. */
async function behindLag(node: Address): Promise<Address> {
  const listener = createServer((client) => {
    const upstream = dial(node)
    client.on('data', (chunk) => setTimeout(() => upstream.write(chunk), 20))
    client.on('close', () => upstream.destroy())
    client.on('error', () => {})
    upstream.on('error', () => {})
    upstream.pipe(client)
  }).listen(0, '127.0.0.1')
  endings.push(() => listener.close())
  await once(listener, 'listening')
  const { address: host, port } = listener.address() as AddressInfo
  return { host, port }
}

test('a client that goes from one node to another is never two sessions', async () => {
  const [first, second, ...others] = server.nodes as [Address, Address, ...Address[]]
  const nodes = [first, await behindLag(second), ...others]
  const looker = await operateUnderSentinel({
    ...server,
    nodes,
    onStop: (work) => endings.push(work),
  })
  const seen: number[] = []
  let isOver = false
  async function look(): Promise<void> {
    while (!isOver) seen.push((await looker.sessions([account.username])).size)
  }
  const looking = look()
  try {
    for (let step = 0; step < 150; step += 1) {
      const redis = connect(step % dataNodes)
      await redis.ping()
      await leave(redis)
    }
  } finally {
    isOver = true
    await looking
  }
  expect(seen.filter((sessions) => sessions > 1)).toEqual([])
})

test('the sessions at all nodes are counted, and a killed node comes back with the users', async () => {
  const before = connectToAll()
  await Promise.all(before.map((redis) => redis.ping()))
  expect((await operator.sessions([account.username])).size).toBe(dataNodes)
  await Promise.all(before.map(leave))
  await operator.failOver?.()
  const after = connectToAll()
  const names = await Promise.all(after.map((redis) => redis.acl('WHOAMI')))
  expect(names).toEqual(after.map(() => account.username))
  expect((await operator.sessions([account.username])).size).toBe(dataNodes)
  await Promise.all(after.map(leave))
})
