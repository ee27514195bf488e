import { MariaDbContainer } from '@testcontainers/mariadb'
import { tlsContents, type StartOptions, type StartedNode } from './container.ts'
import { imageOf } from './images.ts'
import { mysqlFlags } from './mysql.ts'

export async function startMariadbContainer(options: StartOptions): Promise<StartedNode[]> {
  const { password, certificates, labels } = options
  const container = await new MariaDbContainer(imageOf('mariadb'))
    .withRootPassword(password)
    .withLabels(labels)
    .withCopyContentToContainer(tlsContents(certificates))
    .withCommand(['mariadbd', ...mysqlFlags(options)])
    .start()
  return [{ container, port: container.getPort() }]
}
