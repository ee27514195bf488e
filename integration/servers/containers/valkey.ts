import { GenericContainer, Wait } from 'testcontainers'
import { tlsContents, type StartOptions, type StartedNode } from './container.ts'
import { imageOf } from './images.ts'
import { redisFlags, tlsPort } from './redis.ts'

/** Not by `@testcontainers/valkey`: its `start` overwrites the command, so that it can be given no flag, and so no TLS. */
export async function startValkeyContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, labels } = options
  const container = await new GenericContainer(imageOf('valkey'))
    .withLabels(labels)
    .withExposedPorts(6379, tlsPort)
    .withCopyContentToContainer(tlsContents(certificates))
    .withCommand(['valkey-server', '--requirepass', password, ...redisFlags(options)])
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start()
  return [
    { container, port: container.getMappedPort(6379), tlsPort: container.getMappedPort(tlsPort) },
  ]
}
