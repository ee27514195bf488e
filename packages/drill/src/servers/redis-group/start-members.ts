import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from '../launch.ts'
import { redisCommand, redisFlags, startRedis } from '../redis.ts'
import {
  logName,
  type Life,
  type RedisKind,
  type Restartable,
  type ServerNode,
  type ServerRequest,
} from '../server.ts'
import type { Member } from './group.ts'

/** One process of a group: a sentinel has no unix socket. */
export type GroupNode = Omit<ServerNode, 'socket'>

/** Starts the processes of a group on this machine, each in a folder of its own, which is named for its place in the plan. */
export async function startMembers(
  kind: RedisKind,
  request: ServerRequest,
  members: readonly Member[],
  life: Life,
): Promise<GroupNode[]> {
  const processes: Restartable[] = []
  const starts = members.map((member, place) =>
    startMember(kind, request, member, {
      ...life,
      folder: join(life.folder, String(place)),
      runs: (one) => (processes[place] = one),
    }),
  )
  // Where one does not start, the others are known by then, and so end.
  await Promise.allSettled(starts)
  const nodes = await Promise.all(starts)
  for (const one of processes) life.runs(one)
  return nodes
}

async function startMember(
  kind: RedisKind,
  request: ServerRequest,
  { sentinel, settings }: Member,
  life: Life,
): Promise<GroupNode> {
  await mkdir(life.folder)
  return sentinel
    ? startSentinel(kind, settings, life)
    : startRedis(kind, { ...request, settings }, life)
}

async function startSentinel(
  kind: RedisKind,
  settings: Member['settings'],
  life: Life,
): Promise<GroupNode> {
  const { folder } = life
  // It writes down there what it learns.
  const file = join(folder, 'sentinel.conf')
  await writeFile(file, '')
  const [program, ...words] = await redisCommand(kind)
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
