import { GenericContainer, Wait } from 'testcontainers'
import type { Member } from '../../../packages/drill/src/servers/redis-group/group.ts'
import type { RedisKind } from '../../../packages/drill/src/servers/server.ts'
import { tlsContents, type StartedNode, type StartOptions } from './container.ts'
import { imageOf } from './images.ts'
import { redisFlags } from './redis.ts'

/**
 * Starts the processes of a group, each in its own container, all in one network: so one address, 127.0.0.1 and a port
 * that is the same inside and outside, holds for them and for the clients. The network is that of a container that does
 * nothing else: it would go with its owner when a test kills that. Not by `@testcontainers/redis`, which starts one server
 * on one port.
 */
export async function startRedisGroup(
  kind: RedisKind,
  { labels, certificates }: StartOptions,
  members: readonly Member[],
): Promise<StartedNode[]> {
  const create = (command: string[], ready: RegExp): GenericContainer =>
    new GenericContainer(imageOf(kind))
      .withLabels(labels)
      .withCommand(command)
      .withWaitStrategy(Wait.forLogMessage(ready))
  const network = await create(['sh', '-c', 'echo Here; exec sleep infinity'], /Here/)
    .withExposedPorts(...members.flatMap(portsOf).map((port) => ({ container: port, host: port })))
    .start()
  const nodes = members.map(async (member) => {
    const ready = /Ready to accept connections|Sentinel ID is/
    const container = await create(commandOf(kind, member, certificates), ready)
      .withNetworkMode(`container:${network.getId()}`)
      .withCopyContentToContainer(tlsContents(certificates))
      .start()
    return { container, ...addressOf(member) }
  })
  return Promise.all(nodes)
}

function addressOf({ settings }: Member): Pick<StartedNode, 'port' | 'tlsPort'> {
  const { port, 'tls-port': tlsPort = port } = settings
  return { port: Number(port), tlsPort: Number(tlsPort) }
}

function portsOf(member: Member): number[] {
  return [...new Set(Object.values(addressOf(member)))]
}

function commandOf(
  kind: RedisKind,
  { sentinel, settings }: Member,
  certificates: StartOptions['certificates'],
): string[] {
  if (!sentinel) return [`${kind}-server`, ...redisFlags({ certificates, settings })]
  // A sentinel writes down there what it learns.
  const file = '/tmp/sentinel.conf'
  const script = `: >${file} && exec ${kind}-server ${file} --sentinel "$@"`
  return ['sh', '-c', script, 'sentinel', ...redisFlags({ settings })]
}
