import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { makeCertificates } from './certificates.ts'
import type { ContainerAnswer, ContainerRequest, NodeAddress } from './container-process.ts'
import type { Kind } from './container.ts'

/** Servers that run in containers. Whoever started them stops them; they are also gone when their starter is. */
export interface StartedContainers {
  /** The first is the one to log in to; the others are of a group. */
  readonly nodes: readonly [NodeAddress, ...NodeAddress[]]
  /** Of the account that may do everything. */
  readonly password: string
  /** The authority that vouches for their certificates, as PEM; empty without TLS. */
  readonly ca: string
  /** The file that the first node's log goes to. */
  readonly log: string
  readonly stop: () => Promise<void>
}

export interface ContainerOptions {
  /** The server's own settings beyond its defaults. */
  readonly settings?: Readonly<Record<string, string>>
  /** With a certificate of a throw-away authority. Default: true. A group of Redis servers has none. */
  readonly tls?: boolean
}

/** Starts servers in containers. They are gone when `stop` resolves, or when this process is. */
export async function startContainers(
  kind: Kind,
  { settings = {}, tls = true }: ContainerOptions = {},
): Promise<StartedContainers> {
  const certificates = tls ? await makeCertificates() : undefined
  const password = randomBytes(12).toString('hex')
  const holder = fork(new URL('./container-process.ts', import.meta.url), {
    // A group of its own: a Ctrl-C is for the test run, which then stops the servers in order.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(holder, 'exit')
  const died = ended.then((): ContainerAnswer => ({ error: 'its process ended' }))
  const request: ContainerRequest = { kind, password, certificates, settings }
  holder.send(request)
  const answered = once(holder, 'message').then(([message]) => message as ContainerAnswer)
  const answer = await Promise.race([answered, died])
  const stop = async (): Promise<void> => {
    if (holder.connected) holder.disconnect()
    await ended
  }
  if ('error' in answer) {
    await stop()
    throw new Error(
      `${kind} did not start in a container: ${answer.error}\n` +
        'Where no image can be pulled, build them: eval "$(integration/images/build.sh)". Without a Docker engine, ' +
        'set REKEY_SERVERS=native.',
    )
  }
  const [first, ...others] = answer.nodes
  if (first === undefined) throw new Error(`${kind} has no node.`)
  return { nodes: [first, ...others], password, ca: certificates?.ca ?? '', log: answer.log, stop }
}
