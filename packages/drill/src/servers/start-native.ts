import { startMariadb } from './mariadb.ts'
import { startMysql } from './mysql.ts'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import type { Life, ServerKind, ServerNode, ServerRequest } from './server.ts'

const starts: Record<ServerKind, (request: ServerRequest, life: Life) => Promise<ServerNode>> = {
  postgres: startPostgres,
  mysql: startMysql,
  mariadb: startMariadb,
  redis: (request, life) => startRedis('redis', request, life),
  valkey: (request, life) => startRedis('valkey', request, life),
}

/** Starts a server as a process of this machine, on ports and a socket of its own, in the folder of its life. */
export function startNative(
  kind: ServerKind,
  request: ServerRequest,
  life: Life,
): Promise<ServerNode> {
  return starts[kind](request, life)
}
