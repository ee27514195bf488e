import { join } from 'node:path'
import type { Life, StartedNodes, StartRequest } from '../holder.ts'
import type { Kind } from '../kind.ts'
import type { NodeAddress } from '../server.ts'
import { startMariadb } from './mariadb.ts'
import { startMysql } from './mysql.ts'
import { startPostgres } from './postgres.ts'
import { startRedis, startValkey } from './redis.ts'

/** Starts one kind of server in the folder of its life; the first node is the one to log in to. */
type Start = (request: NativeRequest, life: Life) => Promise<readonly NodeAddress[]>

export interface NativeRequest extends StartRequest {
  /** The file that the first node's log goes to. */
  readonly log: string
}

const starts: Partial<Record<Kind, Start>> = {
  postgres: startPostgres,
  mysql: startMysql,
  mariadb: startMariadb,
  redis: startRedis,
  valkey: startValkey,
}

/** Starts a server as a process of this machine, on ports and a socket of its own. */
export async function startNodes(request: StartRequest, life: Life): Promise<StartedNodes> {
  const log = join(life.folder, 'server.log')
  const start = starts[request.kind]
  if (start === undefined) throw new Error('There is no native way to start it yet.')
  const nodes = await start({ ...request, log }, life)
  return { nodes, log }
}
