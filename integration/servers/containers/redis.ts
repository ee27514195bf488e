import { RedisContainer } from '@testcontainers/redis'
import { tlsContents, tlsFiles, type StartOptions, type StartedNode } from './container.ts'
import { imageOf } from './images.ts'

/** Redis and Valkey speak TLS on a port of its own. */
export const tlsPort = 6380

export async function startRedisContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, labels } = options
  const container = await new RedisContainer(imageOf('redis'))
    .withPassword(password)
    .withLabels(labels)
    .withExposedPorts(tlsPort)
    .withCopyContentToContainer(tlsContents(certificates))
    .withCommand(['redis-server', ...redisFlags(options)])
    .start()
  return [{ container, port: container.getPort(), tlsPort: container.getMappedPort(tlsPort) }]
}

/** Valkey takes the same. The settings may name another port for TLS. */
export function redisFlags({
  certificates,
  settings,
}: Pick<StartOptions, 'certificates' | 'settings'>): string[] {
  const tls = certificates && {
    'tls-port': String(tlsPort),
    'tls-ca-cert-file': tlsFiles.ca,
    'tls-cert-file': tlsFiles.certificate,
    'tls-key-file': tlsFiles.key,
    'tls-auth-clients': 'no',
  }
  return Object.entries({ ...tls, ...settings }).flatMap(([name, value]) => [`--${name}`, value])
}
