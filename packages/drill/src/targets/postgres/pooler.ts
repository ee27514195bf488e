import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { DrillError } from '../../error.ts'
import { ask, connect } from './admin.ts'

/** How long a client that was killed may take to go, in milliseconds. */
const killLimit = 5_000

/**
 * A PgBouncer between the drill and the server. The sessions that the server knows are the pooler's, which keeps them when
 * clients go: those of the pools under the drill are its clients, and are counted at its console.
 */
export class Pooler {
  /** Name, version and mode. */
  readonly name: string
  readonly #console: pg.Client

  private constructor(name: string, console: pg.Client) {
    this.name = name
    this.#console = console
  }

  /**
   * Finds the one that a connection goes through, if it goes through any.
   *
   * @throws {DrillError} if its clients cannot be counted.
   */
  static async between(admin: pg.Client): Promise<Pooler | undefined> {
    if (!(await isBetween(admin))) return undefined
    const { host, port, user, ssl } = admin
    const password = admin.password ?? undefined
    const login = { host, port, ssl, ...(user && { user }), ...(password && { password }) }
    try {
      const console = await connect({ ...login, database: 'pgbouncer' })
      const { rows } = await console.query<{ version: string }>('SHOW VERSION')
      const mode = await modeOf(console, admin.database ?? '')
      return new Pooler(`${rows[0]?.version} (${mode} mode)`, console)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new DrillError(
        `There is a pooler at ${host}:${port}, and the drill cannot count its clients: ${why}\n` +
          `Where it is PgBouncer, put ${user} into its admin_users, and both into its auth_file; else take the URL of the server itself.`,
        { cause: error },
      )
    }
  }

  /** The account of each client, by the pooler's number of it. */
  async clients(accounts: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#console.query<{ id: number; user: string }>('SHOW CLIENTS')
    const own = rows.filter(({ user }) => accounts.includes(user))
    return new Map(own.map(({ id, user }) => [String(id), user]))
  }

  /** Ends the clients of an account. */
  async kill(account: string): Promise<void> {
    for (const deadline = performance.now() + killLimit; ; await sleep(5)) {
      const clients = await this.clients([account])
      if (clients.size === 0) return
      for (const id of clients.keys()) {
        // It may have gone by itself.
        const killing = ask(this.#console, `KILL_CLIENT ${id}`)
        await killing.catch((error: Error) => {
          if (performance.now() > deadline) throw error
        })
      }
    }
  }

  end(): Promise<void> {
    return this.#console.end()
  }
}

/** Whether the process that a client was told of at its login is another one than serves it. */
async function isBetween(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid !== (client as { processID?: number }).processID
}

async function modeOf(console: pg.Client, database: string): Promise<string> {
  const databases = await console.query<{ name: string; pool_mode: string | null }>(
    'SHOW DATABASES',
  )
  const own = databases.rows.find(({ name }) => name === database)?.pool_mode
  if (own) return own
  const settings = await console.query<{ key: string; value: string }>('SHOW CONFIG')
  return settings.rows.find(({ key }) => key === 'pool_mode')?.value ?? 'unknown'
}
