import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { makeCertificates } from './certificates.ts'
import type { HolderAnswer, HolderRequest } from './holder.ts'
import type { Kind } from './kind.ts'
import type { RunningServer } from './server.ts'
import { adminOf, settingsOf } from './settings.ts'
import { chooseWay, type Way } from './way.ts'

export interface StartOptions {
  /** Default: as the whole run. */
  readonly way?: Way
  /** With a certificate of a throw-away authority. Default: true. A group of Redis servers has none. */
  readonly tls?: boolean
}

/** Starts a server. It is gone when `stop` resolves, or when this process is. @throws if it cannot be had. */
export async function startServer(
  kind: Kind,
  { way, tls = true }: StartOptions = {},
): Promise<RunningServer> {
  const request: HolderRequest = {
    kind,
    way: way ?? (await chooseWay()),
    password: randomBytes(12).toString('hex'),
    certificates: tls ? await makeCertificates() : undefined,
    settings: settingsOf(kind),
  }
  const holder = fork(new URL('./holder.ts', import.meta.url), {
    // A group of its own: a Ctrl-C is for the test run, which then stops the servers in order.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(holder, 'exit')
  const died = ended.then((): HolderAnswer => ({ error: 'its process ended' }))
  holder.send(request)
  const answered = once(holder, 'message').then(([message]) => message as HolderAnswer)
  const answer = await Promise.race([answered, died])
  const stop = async (): Promise<void> => {
    if (holder.connected) holder.disconnect()
    await ended
  }
  if ('error' in answer) {
    await stop()
    throw new Error(`${kind} did not start: ${answer.error}\n${adviceFor(request.way)}`)
  }
  const [first, ...others] = answer.nodes
  if (first === undefined) throw new Error(`${kind} has no node.`)
  const { password, certificates } = request
  const { log } = answer
  return { ...first, others, user: adminOf(kind), password, ca: certificates?.ca ?? '', log, stop }
}

function adviceFor(way: Way): string {
  return way === 'container'
    ? 'Where no image can be pulled, build them: eval "$(integration/images/build.sh)". Without a Docker engine, set ' +
        'REKEY_SERVERS=native.'
    : 'With a Docker engine, REKEY_SERVERS=container has the servers run there.'
}
