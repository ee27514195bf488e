import { setTimeout as sleep } from 'node:timers/promises'
import {
  createCredentials,
  fromFunction,
  type CredentialsCache,
  type GenerationCounts,
} from '@rekey/core'
import { DrillError } from './error.ts'
import { Finding } from './failures.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { describeGenerations } from './targets/generations.ts'
import { nextChange, overlap } from './targets/pools.ts'
import type { Login, PoolOptions, PoolUnderDrill, Target } from './targets/target.ts'

/** A service of your own under the drill: its pool, what it does with it, and how its credentials are rotated. */
export interface Workload<Connection> {
  /** What the report calls it. Default: `'your workload'`. */
  readonly name?: string | undefined
  /**
   * Opens what {@link work} works on, once: a pool, a client, an ORM. The credentials are a cache, which a pool of rekey takes
   * as it is; any other can ask it (`await credentials.get()`) and `subscribe` to it, and do what it does today.
   * `onLogin` may be called for each connection that has logged in, `pool.on('connect', onLogin)`: the page plots them.
   */
  readonly open: (
    credentials: CredentialsCache,
    onLogin: () => void,
  ) => Connection | Promise<Connection>
  /**
   * One request. Rejects if anything went wrong; may resolve with the name of the database's user that served it, by the
   * server's own word.
   */
  readonly work: (connection: Connection) => Promise<unknown>
  /**
   * Makes new credentials that the database lets in, and resolves with them; the cache takes them up when it does. It is
   * called once before the pool is opened. The ones before must still log in until the pool is drained.
   */
  readonly rotate: () => Promise<{ readonly user: string; readonly password: string }>
  /** The open sessions at the server, by user. */
  readonly sessions: () => Promise<ReadonlyMap<string, number> | Readonly<Record<string, number>>>
  /**
   * Resolves when the old credentials are needed no more. Default: what the connection's own `drained` says, as rekey's
   * pools do; else when no session of an older user is left.
   */
  readonly drained?: ((connection: Connection) => Promise<unknown>) | undefined
  /** Closes what was opened. */
  readonly close?: ((connection: Connection) => Promise<unknown>) | undefined
}

/** A workload as the drill drives it. */
export interface OwnDrill {
  readonly first: Login
  readonly target: Target
  readonly scenario: Scenario
}

const nothing = async (): Promise<void> => {}

/** Milliseconds between two looks at the sessions. */
const interval = 10

/** For logins that had read the old credentials, in milliseconds: a pool that says nothing of itself may still open some. */
const lastLogins = 500

/** @throws {DrillError} if it is not one, or does not begin. */
export async function bringWorkload<Connection>(workload: Workload<Connection>): Promise<OwnDrill> {
  for (const name of ['open', 'work', 'rotate', 'sessions'] as const) {
    if (typeof workload[name] === 'function') continue
    throw new DrillError(`workload.${name} is ${typeof workload[name]}; it must be a function.`)
  }
  const { name = 'your workload' } = workload
  let version = 0

  async function issue(): Promise<Login> {
    const { user, password } = (await workload.rotate()) ?? {}
    if (!isText(user) || !isText(password)) {
      throw new DrillError(
        'rotate() must resolve with the new credentials, { user, password }, two strings; it did not.',
      )
    }
    version += 1
    return { user, password, version: String(version) }
  }

  // One after the other: it may well ask by a connection of its own.
  let last: Promise<unknown> = Promise.resolve()
  async function sessions(): Promise<ReadonlyMap<string, number>> {
    const asked = last.then(() => workload.sessions())
    last = asked.catch(() => {})
    const found = await asked
    return found instanceof Map ? found : new Map(Object.entries(found))
  }

  const first = await issue()
  return {
    first,
    target: {
      ...{ database: 'own', server: name, secrets: [], renews: true, sessions },
      // Its accounts are its own: these are nobody's.
      accounts: ['', ''],
      ...{ allow: nothing, revoke: nothing, kill: nothing, close: nothing },
      async sessionAccounts() {
        const all = [...(await sessions())].flatMap(([user, count]) =>
          Array.from({ length: count }, (_, index) => [`${user} ${index}`, user] as const),
        )
        return new Map(all)
      },
      openPool: (_, options) => ownPool(workload, sessions, options),
    },
    scenario: {
      name: 'alternating-users',
      sentence: 'The workload rotates its credentials.',
      traffic: 'requests',
      async rotate(act) {
        const relax = await act.pressure.saturate(act.rotation)
        const next = await issue()
        if (next.user === act.old.user && next.password === act.old.password) {
          throw new Finding(
            'DRILL_NOT_ROTATED',
            `rotate() gave what there was before, the same password of ${next.user}: nothing was rotated.`,
          )
        }
        await act.publish(next)
        const [drained] = await Promise.all([act.takeUp(), relax()])
        if (!drained) return
        const deadline = performance.now() + act.pace.patience
        while (((await sessions()).get(next.user) ?? 0) === 0) {
          if (performance.now() > deadline) {
            throw new Finding('DRILL_NOT_SERVED', `No session of ${next.user} was ever opened.`)
          }
          await sleep(interval)
        }
      },
    },
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function ownPool<Connection>(
  workload: Workload<Connection>,
  sessions: () => Promise<ReadonlyMap<string, number>>,
  options: PoolOptions,
): PoolUnderDrill {
  const source = fromFunction(options.load, { name: 'drill' })
  const credentials = createCredentials(source, { overlap })
  let opened: Connection | undefined
  let ended = false
  const connection = credentials
    .get()
    .then(async () => (opened = await workload.open(credentials, options.onLogin)))
  // Who works hears of it.
  connection.catch(options.onError)

  async function request(): Promise<string> {
    const served = await workload.work(await connection)
    return typeof served === 'string' ? served : ''
  }

  async function onlyNewest(): Promise<void> {
    let lastOldAt = performance.now()
    while (!ended) {
      const found = await sessions()
      const newest = credentials.current?.user
      const now = performance.now()
      if ([...found].some(([user, count]) => user !== newest && count > 0)) lastOldAt = now
      else if (now - lastOldAt > lastLogins) return
      await sleep(interval)
    }
  }

  return {
    units: {
      query: request,
      transaction: request,
      hold: (_, onHeld) => (onHeld(), request()),
      stream: (_, onHeld) => (onHeld(), request()),
    },
    async rotate({ urgent = false } = {}) {
      const pool = await connection
      const changed = nextChange(credentials)
      await credentials.refresh({ urgent }).catch(() => changed)
      if (workload.drained !== undefined) await workload.drained(pool)
      else if (canDrain(pool)) await pool.drained()
      else await onlyNewest()
    },
    state: () =>
      hasGenerations(opened)
        ? describeGenerations(opened.generations)
        : 'a pool that says nothing of itself',
    async end() {
      ended = true
      await workload.close?.(await connection)
      await credentials.close()
    },
  }
}

function hasGenerations(value: unknown): value is { generations: readonly GenerationCounts[] } {
  return Array.isArray((value as { generations?: unknown } | null)?.generations)
}

function canDrain(value: unknown): value is { drained(): Promise<void> } {
  return typeof (value as { drained?: unknown } | null)?.drained === 'function'
}
