import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from '../../../packages/drill/src/servers/launch.ts'
import { findRedis, findValkey, redisFlags } from '../../../packages/drill/src/servers/redis.ts'
import {
  logName,
  type Life,
  type ServerRequest,
} from '../../../packages/drill/src/servers/server.ts'
import { startNative } from '../../../packages/drill/src/servers/start-native.ts'
import type { RedisKind } from '../kind.ts'
import type { Member } from '../redis-groups/group.ts'
import type { NodeAddress } from '../server.ts'

const finders = { redis: findRedis, valkey: findValkey }

/** Starts one process of a group. */
export async function startMember(
  kind: RedisKind,
  request: ServerRequest,
  { sentinel, settings }: Member,
  life: Life,
): Promise<NodeAddress> {
  await mkdir(life.folder)
  return sentinel
    ? startSentinel(kind, settings, life)
    : startNative(kind, { ...request, settings }, life)
}

async function startSentinel(
  kind: RedisKind,
  settings: Member['settings'],
  life: Life,
): Promise<NodeAddress> {
  const { folder } = life
  // It writes down there what it learns.
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, '')
  const [program, ...words] = (await finders[kind]()).command(`${kind}-server`)
  const flags = redisFlags({ bind: '127.0.0.1', dir: folder, ...settings })
  const pid = await launch(
    {
      command: [program, ...words, file, '--sentinel', ...flags],
      cwd: folder,
      log: join(folder, logName),
      ready: /Sentinel ID is/,
    },
    life,
  )
  const port = Number(settings['port'])
  return { host: '127.0.0.1', port, tlsPort: port, runsAs: { pid } }
}
