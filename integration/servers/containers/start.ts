import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { getContainerRuntimeClient, type ContainerRuntimeClient } from 'testcontainers'
import type { Member } from '../../../packages/drill/src/servers/redis-group/group.ts'
import type {
  Life,
  RedisKind,
  ServerKind,
  ServerRequest,
} from '../../../packages/drill/src/servers/server.ts'
import type { StartedNodes } from '../holder.ts'
import type { NodeAddress } from '../server.ts'
import type { Start, StartedNode } from './container.ts'
import { startMariadbContainer } from './mariadb.ts'
import { startMysqlContainer } from './mysql.ts'
import { startPostgresContainer } from './postgres.ts'
import { startRedisGroup } from './redis-group.ts'
import { startRedisContainer } from './redis.ts'
import { startValkeyContainer } from './valkey.ts'

const starts: Record<ServerKind, Start> = {
  postgres: startPostgresContainer,
  mysql: startMysqlContainer,
  mariadb: startMariadbContainer,
  redis: startRedisContainer,
  valkey: startValkeyContainer,
}

const label = 'rekey.holder'

/** Starts a server in a container. */
export function startServer(
  kind: ServerKind,
  request: ServerRequest,
  life: Life,
): Promise<StartedNodes> {
  return startContainers(request, life, starts[kind])
}

/** Starts the processes of a group, each in a container. */
export function startGroup(
  kind: RedisKind,
  request: ServerRequest,
  members: readonly Member[],
  life: Life,
): Promise<StartedNodes> {
  return startContainers(request, life, (options) => startRedisGroup(kind, options, members))
}

/** They go with `life`, also where Testcontainers' own reaper cannot run. */
async function startContainers(
  request: ServerRequest,
  life: Life,
  start: Start,
): Promise<StartedNodes> {
  const holder = randomUUID()
  // Without an engine there is nothing to remove.
  life.onEnd(() =>
    getContainerRuntimeClient().then(
      (client) => removeAll(client, holder),
      () => {},
    ),
  )
  const nodes = await start({ ...request, labels: { [label]: holder } })
  const log = join(life.folder, 'server.log')
  const [first] = nodes
  const lines = await first?.container.logs()
  lines?.on('data', (text) => appendFileSync(log, String(text)))
  return { nodes: nodes.map(addressOf), log }
}

function addressOf({ container, port, tlsPort = port }: StartedNode): NodeAddress {
  // `localhost` may be an address of IPv6, on which not every engine listens.
  const host = container.getHost() === 'localhost' ? '127.0.0.1' : container.getHost()
  return { host, port, tlsPort, runsAs: { container: container.getId() } }
}

/** By the label: also those of a start that failed half-way. */
async function removeAll(
  { container: { dockerode } }: ContainerRuntimeClient,
  holder: string,
): Promise<void> {
  const filters = { label: [`${label}=${holder}`] }
  const left = await dockerode.listContainers({ all: true, filters })
  const removals = left.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true }))
  await Promise.all(removals)
}
