import { connect as tlsConnect } from 'node:tls'
import { Cluster, Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Kind } from '../servers/containers/container.ts'
import { pauseContainer } from '../servers/containers/pause.ts'
import { sentinelGroup } from '../servers/containers/redis-sentinel.ts'
import { startContainers, type StartedContainers } from '../servers/containers/start.ts'

type Ask = (started: StartedContainers, ca?: string) => Promise<string>

/** Logs in, over TLS if there is an authority to trust, and asks for the version. */
const asks: Partial<Record<Kind, Ask>> = {
  postgres: askPostgres,
  mysql: askMysql,
  mariadb: askMysql,
  redis: askRedis,
  valkey: askRedis,
}

/** What each answers, in the version of its official image. */
const versions: Partial<Record<Kind, string>> = {
  postgres: '18.',
  mysql: '9.7.',
  mariadb: '11.8.',
  redis: '8.0.',
  valkey: '9.1.',
}

const kinds = Object.keys(asks) as Kind[]
const started = new Map<Kind, StartedContainers>()

function of(kind: Kind): StartedContainers {
  const one = started.get(kind)
  if (one === undefined) throw new Error(`${kind} was not started.`)
  return one
}

beforeAll(async () => {
  const all: Kind[] = [...kinds, 'redis-cluster', 'redis-sentinel']
  const starts = all.map(async (kind) => started.set(kind, await startContainers(kind)))
  // Those that come up are known, and so stopped, also where another does not.
  await Promise.allSettled(starts)
  await Promise.all(starts)
})

afterAll(async () => {
  await Promise.all([...started.values()].map(({ stop }) => stop()))
})

describe.each(kinds)('%s in a container', (kind) => {
  const ask = asks[kind] as Ask

  test('answers in the version that the tests are for', async () => {
    expect(await ask(of(kind))).toMatch(versions[kind] ?? '?')
  })

  test('refuses a wrong password', async () => {
    await expect(ask({ ...of(kind), password: 'wrong' })).rejects.toThrow()
  })

  test('speaks TLS, with a certificate that its authority vouches for', async () => {
    expect(await ask(of(kind), of(kind).ca)).toMatch(versions[kind] ?? '?')
  })

  test('is not trusted where another authority is asked for', async () => {
    const other = of(kind === 'postgres' ? 'redis' : 'postgres').ca
    await expect(ask(of(kind), other)).rejects.toThrow(/self-signed|signature|verify/)
  })

  test('answers nobody while it is paused, and everybody after that', async () => {
    const { nodes } = of(kind)
    let answered = false
    const pause = await pauseContainer(nodes[0].container)
    const answer = ask(of(kind)).then((version) => {
      answered = true
      return version
    })
    // Another server's answers take their time; this one's would have come before.
    const [witness] = kinds.filter((other) => other !== kind)
    for (let round = 0; round < 3; round += 1) await asks[witness as Kind]?.(of(witness as Kind))
    expect(answered).toBe(false)
    await pause[Symbol.asyncDispose]()
    expect(await answer).toMatch(versions[kind] ?? '?')
  })
})

test('a Redis Cluster in containers serves every slot from three primaries', async () => {
  const { nodes, password } = of('redis-cluster')
  const cluster = new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    { redisOptions: { password } },
  )
  try {
    for (let key = 0; key < 50; key += 1) await cluster.set(`key ${key}`, key)
    for (let key = 0; key < 50; key += 1) expect(await cluster.get(`key ${key}`)).toBe(String(key))
    expect(cluster.nodes('master')).toHaveLength(3)
    expect(cluster.nodes('slave')).toHaveLength(3)
  } finally {
    cluster.disconnect()
  }
})

test('sentinels in containers lead to the primary, and to the next one when it is frozen', async () => {
  const { nodes, password } = of('redis-sentinel')
  const sentinels = nodes.slice(3).map(({ host, port }) => ({ host, port }))
  const redis = new Redis({
    sentinels,
    name: sentinelGroup,
    password,
    // A frozen server does not close: only the missing answer shows that it is gone.
    socketTimeout: 3_000,
    connectTimeout: 1_000,
    maxRetriesPerRequest: null,
  })
  redis.on('error', () => {})
  try {
    await redis.set('key', 'value')
    expect(await redis.wait(2, 5_000)).toBe(2)
    expect(redis.stream.remotePort).toBe(nodes[0].port)
    await using _pause = await pauseContainer(nodes[0].container)
    expect(await redis.get('key')).toBe('value')
    expect(nodes.slice(1, 3).map(({ port }) => port)).toContain(redis.stream.remotePort)
  } finally {
    redis.disconnect()
  }
})

async function askPostgres({ nodes, password }: StartedContainers, ca?: string): Promise<string> {
  const [{ host, port }] = nodes
  const login = { host, port, user: 'postgres', password, database: 'postgres' }
  const client = new pg.Client({ ...login, ...(ca && { ssl: { ca } }) })
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version ?? ''
  } finally {
    await client.end()
  }
}

async function askMysql({ nodes, password }: StartedContainers, ca?: string): Promise<string> {
  const [{ host, port }] = nodes
  const login = { host, port, user: 'root', password }
  const client = await createConnection({ ...login, ...(ca && { ssl: { ca } }) })
  try {
    const [rows] = await client.query('SELECT version() AS version')
    return (rows as { version: string }[])[0]?.version ?? ''
  } finally {
    await client.end()
  }
}

async function askRedis({ nodes, password }: StartedContainers, ca?: string): Promise<string> {
  const [{ host, port, tlsPort }] = nodes
  if (ca !== undefined) await expectTrust(host, tlsPort, ca)
  const redis = new Redis({
    host,
    password,
    port: ca === undefined ? port : tlsPort,
    ...(ca && { tls: { ca } }),
    lazyConnect: true,
    retryStrategy: null,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = await redis.info('server')
    return (/valkey_version:(\S+)/.exec(info) ?? /redis_version:(\S+)/.exec(info))?.[1] ?? ''
  } finally {
    redis.disconnect()
  }
}

/** The client's own error says only that the connection is closed. */
async function expectTrust(host: string, port: number, ca: string): Promise<void> {
  const socket = tlsConnect({ host, port, ca })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  }).finally(() => socket.destroy())
}
