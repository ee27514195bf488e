import { join } from 'node:path'
import { freePorts } from '../../packages/drill/src/servers/free-ports.ts'
import { launch } from '../../packages/drill/src/servers/launch.ts'
import { findPrograms } from '../../packages/drill/src/servers/programs.ts'
import { logName, type Life } from '../../packages/drill/src/servers/server.ts'

/** Starts an etcd with one member. */
export async function startEtcd(life: Life): Promise<string> {
  const { command } = await findPrograms({
    server: 'etcd',
    version: '3.5 or later',
    program: 'etcd',
    says: /etcd Version: 3\.[5-9]\./,
    debian: 'etcd-server',
  })
  const [client = 0, peer = 0] = await freePorts(2)
  const url = `http://127.0.0.1:${client}`
  const peerUrl = `http://127.0.0.1:${peer}`
  const settings = {
    'data-dir': join(life.folder, 'data'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
  }
  await launch(
    {
      command: [
        ...command('etcd'),
        ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
        '--unsafe-no-fsync',
      ],
      cwd: life.folder,
      log: join(life.folder, logName),
      ready: /ready to serve client requests/,
    },
    life,
  )
  return url
}
