// The process that holds a server's containers. It lives as long as the channel to its starter is open, so that they go
// away however the test run ends, also by `kill -9`, and also where Testcontainers' own reaper cannot run.

import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers'
import type { Certificates } from './certificates.ts'
import type { Kind, Start, StartedNode } from './container.ts'
import { startMariadbContainer } from './mariadb.ts'
import { startMysqlContainer } from './mysql.ts'
import { startPostgresContainer } from './postgres.ts'
import { startRedisClusterContainers } from './redis-cluster.ts'
import { startRedisSentinelContainers } from './redis-sentinel.ts'
import { startRedisContainer } from './redis.ts'
import { startValkeyContainer } from './valkey.ts'

export interface ContainerRequest {
  readonly kind: Kind
  readonly password: string
  readonly certificates: Certificates | undefined
  readonly settings: Readonly<Record<string, string>>
}

/** A server as its clients and `docker` know it. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
  readonly tlsPort: number
  /** The container's id. */
  readonly container: string
}

/** `log` is the file that the first node's log goes to. */
export type ContainerAnswer = { nodes: NodeAddress[]; log: string } | { error: string }

const starts: Record<Kind, Start> = {
  postgres: startPostgresContainer,
  mysql: startMysqlContainer,
  mariadb: startMariadbContainer,
  redis: startRedisContainer,
  valkey: startValkeyContainer,
  'redis-cluster': startRedisClusterContainers,
  'redis-sentinel': startRedisSentinelContainers,
}

const label = 'rekey.holder'
const holder = randomUUID()
let folder: string | undefined
let starting: Promise<void> = Promise.resolve()

process.once('message', (request: ContainerRequest) => {
  starting = start(request).then(answer, (error: unknown) => answer({ error: String(error) }))
})
process.once('disconnect', () => void stop())

async function start({ kind, ...options }: ContainerRequest): Promise<ContainerAnswer> {
  folder = await mkdtemp(join(tmpdir(), 'rekey-test-'))
  const nodes = await starts[kind]({ ...options, labels: { [label]: holder } })
  const log = join(folder, 'server.log')
  const [first] = nodes
  const lines = await first?.container.logs()
  lines?.on('data', (text) => appendFileSync(log, String(text)))
  return { nodes: nodes.map(addressOf), log }
}

function addressOf({ container, port, tlsPort = port }: StartedNode): NodeAddress {
  // `localhost` may be an address of IPv6, on which not every engine listens.
  const host = container.getHost() === 'localhost' ? '127.0.0.1' : container.getHost()
  return { host, port, tlsPort, container: container.getId() }
}

async function stop(): Promise<void> {
  await starting
  // Without an engine there is nothing to remove.
  await getContainerRuntimeClient().then(removeAll, () => {})
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

/** By the label: also those of a start that failed half-way. */
async function removeAll({ container: { dockerode } }: ContainerRuntimeClient): Promise<void> {
  const filters = { label: [`${label}=${holder}`] }
  const left = await dockerode.listContainers({ all: true, filters })
  const removals = left.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true }))
  await Promise.all(removals)
}

function answer(message: ContainerAnswer): void {
  if (process.connected) process.send?.(message)
}
