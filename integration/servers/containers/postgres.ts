import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql'
import type { Certificates } from '../../../packages/drill/src/servers/server.ts'
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
  await using files = await writeFiles(certificates)
  return [nodeOf(await request.withSSL(files.certificate, files.key).start())]
}

function nodeOf(container: StartedPostgreSqlContainer): StartedNode {
  return { container, port: container.getPort() }
}

/** The module takes its certificates from files. */
async function writeFiles(
  certificates: Certificates,
): Promise<AsyncDisposable & { certificate: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-tls-'))
  const files = { certificate: join(folder, 'server.pem'), key: join(folder, 'server-key.pem') }
  await writeFile(files.certificate, certificates.certificate)
  await writeFile(files.key, certificates.key, { mode: 0o600 })
  return {
    ...files,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
