import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers'
import { freePorts } from '../../../packages/drill/src/servers/free-ports.ts'
import type { StartedNode, StartOptions } from './container.ts'
import { imageOf } from './images.ts'

/**
 * Starts Redis processes that know one another, each in its own container, all in the network of the first: so one
 * address, 127.0.0.1 and a port that is the same inside and outside, holds for them and for the clients.
 */
export async function startRedisGroup(
  { labels }: StartOptions,
  count: number,
  commandOf: (port: number, index: number, ports: readonly number[]) => string[],
): Promise<StartedNode[]> {
  const ports = await freePorts(count)
  const create = (port: number, index: number): GenericContainer =>
    new GenericContainer(imageOf('redis'))
      .withLabels(labels)
      .withCommand(commandOf(port, index, ports))
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections|Sentinel ID is/))
  const [firstPort = 0, ...others] = ports
  const first = await create(firstPort, 0)
    .withExposedPorts(...ports.map((port) => ({ container: port, host: port })))
    .start()
  const rest = await Promise.all(
    others.map(async (port, index) => ({
      container: await create(port, index + 1)
        .withNetworkMode(`container:${first.getId()}`)
        .start(),
      port,
    })),
  )
  return [{ container: first, port: firstPort }, ...rest]
}

/** Runs `redis-cli`. @throws if it fails. */
export async function redisCli(
  container: StartedTestContainer,
  port: number,
  password: string,
  ...words: string[]
): Promise<string> {
  const { exitCode, output, stdout } = await container.exec(
    ['redis-cli', '-p', String(port), ...words],
    { env: { REDISCLI_AUTH: password } },
  )
  if (exitCode !== 0) throw new Error(`redis-cli ${words[0]} failed: ${output}`)
  return stdout
}
