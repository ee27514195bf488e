import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers'
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

/**
 * Below the range from which the system takes the ports of outgoing connections, and the engine those that it chooses:
 * a port that is free now stays free. All are held until the last is found, so that no two are the same.
 */
async function freePorts(count: number): Promise<number[]> {
  const probes: Server[] = []
  while (probes.length < count) {
    const probe = await listen(randomInt(20_000, 30_000))
    if (probe !== undefined) probes.push(probe)
  }
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
  return ports
}

/** `undefined` if the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, () => resolve(probe))
  })
}
