import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql'
import { writeTlsFiles } from '../../../packages/drill/src/servers/tls-files.ts'
import type { StartOptions, StartedNode } from './container.ts'
import { imageOf } from './images.ts'

export async function startPostgresContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, settings, labels } = options
  const request = new PostgreSqlContainer(imageOf('postgres'))
    .withUsername('postgres')
    .withPassword(password)
    .withDatabase('postgres')
    .withLabels(labels)
    .withCommand([
      'postgres',
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ])
  if (certificates === undefined) return [nodeOf(await request.start())]
  // The module takes its certificates from files. Node 22 knows no `using`.
  const folder = await mkdtemp(join(tmpdir(), 'rekey-tls-'))
  try {
    const { certificate, key } = await writeTlsFiles(certificates, folder)
    return [nodeOf(await request.withSSL(certificate, key).start())]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function nodeOf(container: StartedPostgreSqlContainer): StartedNode {
  return { container, port: container.getPort() }
}
