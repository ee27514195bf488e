import { MySqlContainer } from '@testcontainers/mysql'
import { tlsContents, tlsFiles, type StartOptions, type StartedNode } from './container.ts'
import { imageOf } from './images.ts'

export async function startMysqlContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, labels } = options
  const container = await new MySqlContainer(imageOf('mysql'))
    .withRootPassword(password)
    .withLabels(labels)
    .withCopyContentToContainer(tlsContents(certificates))
    .withCommand(['mysqld', ...mysqlFlags(options)])
    .start()
  return [{ container, port: container.getPort() }]
}

/** MariaDB takes the same. */
export function mysqlFlags({ certificates, settings }: StartOptions): string[] {
  const { ca, certificate, key } = tlsFiles
  const tls = certificates && { 'ssl-ca': ca, 'ssl-cert': certificate, 'ssl-key': key }
  return Object.entries({ ...tls, ...settings }).map(([name, value]) => `--${name}=${value}`)
}
