import { until } from '../../until.ts'
import type { StartOptions, StartedNode } from './container.ts'
import { redisCli, startRedisGroup } from './redis-group.ts'

/** Three primaries, a replica for each. */
const size = 6

/** Not by `@testcontainers/redis`, which starts one server on one port. */
export async function startRedisClusterContainers(options: StartOptions): Promise<StartedNode[]> {
  const { password, settings } = options
  const nodes = await startRedisGroup(options, size, (port, index) => [
    'redis-server',
    ...['--port', String(port)],
    ...['--requirepass', password, '--masterauth', password],
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    // Its default is the port and 10,000, which may be no port any more.
    ...['--cluster-port', String(17_000 + index)],
    ...['--cluster-node-timeout', '3000'],
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  ])
  const [first] = nodes
  if (first === undefined) throw new Error('No node was started.')
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes']
  await redisCli(first.container, first.port, password, ...create)
  for (const { container, port } of nodes) {
    await until(
      'the cluster to be of one mind',
      async () => {
        const info = await redisCli(container, port, password, 'cluster', 'info')
        if (!info.includes('cluster_state:ok')) return false
        // A replica stands there only after its first answer to its primary.
        const slots = await redisCli(container, port, password, 'cluster', 'slots')
        return nodes.every((node) => slots.includes(String(node.port)))
      },
      30_000,
    )
  }
  return nodes
}
