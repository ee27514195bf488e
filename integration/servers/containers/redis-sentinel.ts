import { until } from '../../until.ts'
import type { StartOptions, StartedNode } from './container.ts'
import { redisCli, startRedisGroup } from './redis-group.ts'

/** The name under which the sentinels know the primary. */
export const sentinelGroup = 'rekey'

const replicas = 2
const sentinels = 3

/** A primary, two replicas and three sentinels, in this order. Not by `@testcontainers/redis`, which starts one server. */
export async function startRedisSentinelContainers(options: StartOptions): Promise<StartedNode[]> {
  const { password, settings } = options
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = (port: number, primary: number): string[] => [
    'redis-server',
    ...['--port', String(port), '--requirepass', password, '--masterauth', password],
    ...(port === primary ? [] : ['--replicaof', `127.0.0.1 ${primary}`]),
    ...flags,
  ]
  const nodes = await startRedisGroup(options, 1 + replicas + sentinels, (port, index, ports) => {
    const [primary = 0] = ports
    return index <= replicas ? server(port, primary) : sentinel(port, primary, password)
  })
  for (const { container, port } of nodes.slice(1 + replicas)) {
    await until(
      'a sentinel to know them all',
      async () => {
        const said = await redisCli(container, port, '', 'info', 'sentinel')
        return (
          said.includes(`status=ok`) && said.includes(`slaves=${replicas},sentinels=${sentinels}`)
        )
      },
      30_000,
    )
  }
  return nodes
}

function sentinel(port: number, primary: number, password: string): string[] {
  const lines = [
    `port ${port}`,
    'protected-mode no',
    `sentinel monitor ${sentinelGroup} 127.0.0.1 ${primary} ${Math.ceil(sentinels / 2)}`,
    `sentinel auth-pass ${sentinelGroup} ${password}`,
    `sentinel down-after-milliseconds ${sentinelGroup} 1000`,
    `sentinel failover-timeout ${sentinelGroup} 5000`,
  ]
  // A sentinel writes into its configuration.
  const file = '/tmp/sentinel.conf'
  const script = `printf '%s\\n' "$@" >${file} && exec redis-server ${file} --sentinel`
  return ['sh', '-c', script, 'sentinel', ...lines]
}
