import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql'
import { Wait } from 'testcontainers'
import { writeTlsFiles } from '../../../packages/drill/src/servers/tls-files.ts'
import type { StartOptions, StartedNode } from './container.ts'
import { imageOf } from './images.ts'

/**
 * The module's own check runs in a shell four times a second, for ever. Where it takes over a second, Docker kills the
 * shell; PostgreSQL, which is process 1, then inherits `pg_isready`, takes its end by SIGPIPE for a crash of a process of
 * its own, and ends all sessions. One that never comes: https://docs.docker.com/reference/dockerfile/#healthcheck
 */
const noHealthCheck = { test: ['CMD', 'true'] as ['CMD', string], interval: 24 * 60 * 60 * 1000 }

/** Said once by the server that sets the accounts up, and once by the one that stays. */
const isReady = Wait.forLogMessage('database system is ready to accept connections', 2)

export async function startPostgresContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, settings, labels } = options
  const request = new PostgreSqlContainer(imageOf('postgres'))
    .withUsername('postgres')
    .withPassword(password)
    .withDatabase('postgres')
    .withLabels(labels)
    .withHealthCheck(noHealthCheck)
    .withWaitStrategy(Wait.forAll([isReady, Wait.forListeningPorts()]))
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
