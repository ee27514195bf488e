import { TheirPool, type CredentialsCache, type TheirRotation } from '@rekey/core'
import type pg from 'pg'
import { rotatingClient } from './client.ts'
import type { ClientClass, ClientInternals } from './driver.ts'
import { finishFirst } from './finish-first.ts'
import { checkConfig } from './options.ts'
import { bringsSocket } from './rotating-client.ts'

interface TheirClientsOptions {
  /** The class that its clients are to be a subclass of. */
  readonly Client: ClientClass
  /** The most connections that their pool opens. */
  readonly max: number
  readonly rotation: TheirRotation
  onReady?(client: pg.Client): void
}

/** The clients of a pool that is not ours. */
export interface TheirClients {
  /** What their pool is to make its clients with. */
  readonly Client: ClientClass
  /** When the last old one should have left, in milliseconds from when the new version was proven. */
  readonly lifetime: number
  /** Whether a client that nobody holds is to be closed now. */
  leaves(client: pg.Client): boolean
}

/** @throws {RekeyError} `ERR_REKEY_BUDGET` if the rotation does not fit into the overlap window. */
export function theirClients(
  credentials: CredentialsCache,
  options: TheirClientsOptions,
): TheirClients {
  const { max, rotation } = options
  const pool = new TheirPool(credentials, { name: 'pg.Pool', max, rotation, prove })
  const questions = new WeakMap<pg.Client, () => boolean>()
  /** What the client that was asked about last has been made with: a login of our own reaches the same server. */
  let reached: pg.ClientConfig | undefined

  const Client = rotatingClient(options.Client, (client, config) => {
    checkConfig(credentials, config)
    return () => {
      const driver = client as unknown as ClientInternals
      const theirs = pool.begin(() => driver.connection.stream.destroy())
      questions.set(client, () => {
        reached = config
        const leaves = theirs.leaves()
        if (leaves) theirs.closing()
        return leaves
      })
      const { tag, closing, closed } = theirs
      const ready = (): void => options.onReady?.(client)
      return { login: theirs.login(), tag, ready, closing, closed }
    }
  })

  function prove(): boolean {
    // That of the client that was asked about.
    if (bringsSocket(reached)) return false
    const client = new Client(reached)
    client.on('error', () => {})
    client.connect().then(
      () => client.end(),
      () => {},
    )
    return true
  }

  return {
    Client,
    lifetime: pool.lifetime,
    leaves(client) {
      const leaves = questions.get(client)?.() ?? false
      if (leaves) finishFirst(client)
      return leaves
    },
  }
}
