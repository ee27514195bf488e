import { freePorts } from '../../../packages/drill/src/servers/free-ports.ts'
import { startHolder } from '../../../packages/drill/src/servers/start-holder.ts'
import type { ServerAddress } from '../../servers/server.ts'
import type { PgBouncerRequest } from './holder.ts'

/** A PgBouncer in front of a PostgreSQL. */
export interface PgBouncer extends AsyncDisposable {
  readonly port: number
}

/** `settings`: its pgbouncer.ini for a server at 127.0.0.1:5432 with an admin named postgres, and itself at port 6432. */
export async function startPgBouncer(
  settings: string,
  { host, port: serverPort, user, password }: ServerAddress,
): Promise<PgBouncer> {
  const [port = 0] = await freePorts(1)
  const request: PgBouncerRequest = {
    settings: settings
      .replace('host=127.0.0.1 port=5432', `host=${host} port=${serverPort}`)
      .replace('listen_port = 6432', `listen_port = ${port}`)
      .replaceAll(/(?<=_users? = )postgres$/gm, user),
    users: `"${user}" "${password}"\n`,
  }
  const { stop } = await startHolder(new URL('./holder.ts', import.meta.url), request)
  return { port, [Symbol.asyncDispose]: stop }
}
