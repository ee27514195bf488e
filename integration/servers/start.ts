import { randomBytes } from 'node:crypto'
import { adminOf } from '../../packages/drill/src/servers/server.ts'
import { startHolder } from '../../packages/drill/src/servers/start-holder.ts'
import { makeCertificates } from './certificates.ts'
import type { HolderRequest, StartedNodes } from './holder.ts'
import { isGroup, type Kind } from './kind.ts'
import type { RunningServer } from './server.ts'
import { settingsOf } from './settings.ts'
import { chooseWay, type Way } from './way.ts'

export interface StartOptions {
  /** Default: as the whole run. */
  readonly way?: Way
  /** With a certificate of a throw-away authority. Default: true. Under Sentinel, which knows one port of each, never. */
  readonly tls?: boolean
  /** The server's own settings beyond those of all tests. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Starts a server. It is gone when `stop` resolves, or when this process is. @throws if it cannot be had. */
export async function startServer(
  kind: Kind,
  { way, tls = true, settings = {} }: StartOptions = {},
): Promise<RunningServer> {
  const request: HolderRequest = {
    kind,
    way: way ?? (await chooseWay()),
    password: randomBytes(12).toString('hex'),
    certificates: tls && !kind.endsWith('-sentinel') ? await makeCertificates() : undefined,
    settings: { ...settingsOf(kind), ...settings },
  }
  const program = new URL('./holder.ts', import.meta.url)
  const held = startHolder<StartedNodes>(program, request)
  const { started, stop } = await held.catch((error: Error) => {
    throw new Error(`${kind} did not start: ${error.message}\n${adviceFor(request.way)}`)
  })
  const [first, ...others] = started.nodes
  if (first === undefined) throw new Error(`${kind} has no node.`)
  const { password, certificates } = request
  const user = isGroup(kind) ? 'default' : adminOf(kind)
  return { ...first, others, user, password, ca: certificates?.ca ?? '', log: started.log, stop }
}

function adviceFor(way: Way): string {
  return way === 'container'
    ? 'Where no image can be pulled, build them: eval "$(integration/images/build.sh)". Without a Docker engine, set ' +
        'REKEY_SERVERS=native.'
    : 'With a Docker engine, REKEY_SERVERS=container has the servers run there.'
}
