import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DrillError } from './error.ts'
import { Finding } from './failures.ts'
import type { LeakWatch } from './leaks.ts'
import { withinLimit } from './limit.ts'
import type { Load } from './load.ts'
import type { Pressure } from './pressure.ts'
import type { RunSettings } from './run.ts'
import type { Act } from './scenarios/scenario.ts'
import type { Store } from './store.ts'
import type { Tally } from './tally.ts'
import type { Login, PoolKind, PoolUnderDrill, Target } from './targets/target.ts'

/** What a rotation has to do with. */
export interface RotationContext {
  readonly target: Target
  readonly kind: PoolKind
  readonly settings: RunSettings
  readonly pool: PoolUnderDrill
  readonly load: Load
  readonly pressure: Pressure
  readonly store: Store
  readonly leaks: LeakWatch
  readonly tally: Tally
  /** What the pool and the server say of its connections, in one line. */
  readonly state: () => string
}

/** How a pool took up what was published. */
interface TakenUp {
  readonly tookMs: number
  readonly drained: boolean
}

/** Milliseconds from the end of an account's sessions until their requests have failed. */
const afterCutOff = 50

/** The rotations of a run: the operator's part, in the way of the scenario. */
export class Rotations {
  readonly #context: RotationContext
  /** How many credentials there have been. */
  #versions = 1
  /** The rotation that brought the newest credentials of each account. */
  readonly #newest = new Map<string, number>()
  /** The rotation that brought each version. */
  readonly #brought = new Map<string, number>()
  /** Sessions that were open when the store began to hand out what it does. */
  #before: ReadonlyMap<string, string> = new Map()
  #done = 0
  #oldSessions = 0

  constructor(context: RotationContext) {
    this.#context = context
    this.#newest.set(context.store.login.user, 0)
  }

  /** Those that were carried out. */
  get done(): number {
    return this.#done
  }

  /** Sessions with old credentials after the pool had said that there are none, over all rotations. */
  get oldSessions(): number {
    return this.#oldSessions
  }

  /** The rotation that brought the newest credentials of an account. */
  newestOf(account: string): number {
    return this.#newest.get(account) ?? 0
  }

  /** The rotation that brought a version. */
  rotationOf(version: string): number {
    return this.#brought.get(version) ?? 0
  }

  /** From new credentials to the end of the last session with the old ones. */
  async rotate(): Promise<void> {
    const { settings, kind, load, pool, store, tally } = this.#context
    const { rotations, onEvent } = settings
    const old = store.login
    const beganAt = load.elapsed
    tally.begin(beganAt)
    const which = { pool: kind, rotation: tally.rotation }
    onEvent({ type: 'rotating', ...which, atMs: beganAt })
    const taken: TakenUp[] = []
    try {
      await settings.scenario.rotate(this.#act(old, taken))
    } catch (error) {
      if (!(error instanceof Finding)) throw error
      tally.find(error.code, error.message)
      return
    }
    if (taken.every(({ drained }) => drained)) tally.drain()
    const atMs = load.elapsed
    load.phase = 'steady'
    void load.add('query', () => pool.units.query())

    await this.#retire(old)
    const left = await this.#countOld()
    this.#oldSessions += left
    if (left > 0) await this.#killOthers()
    this.#done += 1
    const { settled, failed } = load
    onEvent({
      ...{ type: 'rotated', ...which, rotations, atMs },
      tookMs: Math.max(0, ...taken.map(({ tookMs }) => tookMs)),
      ...{ drained: tally.isDrained, oldSessions: left, settled, failed },
    })
  }

  #act(old: Login, taken: TakenUp[]): Act {
    const { target, settings, store, load, pressure, tally } = this.#context
    return {
      ...{ old, rotation: tally.rotation, pace: settings.pace },
      ...{ store, load, pressure },
      next: () => this.#next(),
      allow: (login) => this.#allow(login, old),
      publish: async (login) => {
        this.#before = await target.sessionAccounts()
        store.publish(login)
        tally.publish(login.user)
        this.#newest.set(login.user, tally.rotation)
        this.#brought.set(login.version, tally.rotation)
        if (load.phase === 'steady') load.phase = 'rotating'
      },
      takeUp: (how) => {
        const drained = this.#takeUp(how).then((one) => {
          taken.push(one)
          return one.drained
        })
        // A scenario that is cut short elsewhere does not come to wait for it.
        drained.catch(() => {})
        return drained
      },
      refuse: ({ user }) => target.revoke(user),
      disconnect: ({ user }) => target.kill(user),
      cutOff: ({ user }) =>
        this.#cutOff(async () => {
          await target.revoke(user)
          await target.kill(user)
        }),
      failOver: () =>
        this.#cutOff(async () => {
          await target.failOver?.()
          // None of them is left, and others may have got their names.
          this.#before = new Map()
        }),
    }
  }

  /** New credentials, that nobody else knows yet. */
  #next(): Login {
    const { target, settings, store, leaks } = this.#context
    const { succession = 'two-accounts' } = settings.scenario
    const { user } = store.login
    const other = target.accounts.find((account) => account !== user) ?? user
    this.#versions += 1
    const login = newLogin(succession === 'two-accounts' ? other : user, this.#versions)
    leaks.guard(login.password)
    return login
  }

  async #allow(login: Login, old: Login): Promise<void> {
    const { target, settings } = this.#context
    const { succession, name } = settings.scenario
    if (succession !== 'two-passwords') return target.allow(login)
    if (target.two === undefined) throw new DrillError(`${target.server} cannot do ${name}.`)
    await target.two.add(login, old)
  }

  /** What logged in before does so no more; its open sessions live on. */
  async #retire(old: Login): Promise<void> {
    const { target, settings, store } = this.#context
    const { succession = 'two-accounts' } = settings.scenario
    const { login } = store
    if (succession === 'two-passwords') await target.two?.discard(login, old)
    if (succession !== 'two-accounts') return
    for (const account of target.accounts) {
      if (account !== login.user) await target.revoke(account)
    }
  }

  /** Sessions that are of another account than the newest, or, where they cannot log in anew, have been there before. */
  async #countOld(): Promise<number> {
    const { target, store } = this.#context
    const { user } = store.login
    const isOld = ([session, account]: [string, string]): boolean =>
      account !== user || (!target.renews && this.#before.has(session))
    return [...(await target.sessionAccounts())].filter(isOld).length
  }

  async #killOthers(): Promise<void> {
    const { target, store } = this.#context
    for (const account of target.accounts) {
      if (account !== store.login.user) await target.kill(account)
    }
  }

  async #cutOff(work: () => Promise<void>): Promise<void> {
    await this.#context.tally.cutOff(async () => {
      await work()
      // The server's last words to those sessions are there already; they are read with the next.
      await sleep(afterCutOff)
    })
  }

  /** Lets the pool take up what is published, and says how long that took, and whether it ended. */
  async #takeUp(how: { readonly urgent?: boolean } = {}): Promise<TakenUp> {
    const { pool, settings, tally, state } = this.#context
    const { signal, drainLimit } = settings
    const publishedAt = performance.now()
    let drained = false
    let trouble: string | undefined
    try {
      drained = await withinLimit(pool.rotate(how), drainLimit, signal)
    } catch (error) {
      signal.throwIfAborted()
      trouble = `The rotation failed: ${String(error)}`
    }
    if (!drained) {
      trouble ??= `The pool was not drained after ${drainLimit} ms (${state()}).`
      tally.find('DRILL_NOT_DRAINED', trouble)
    }
    return { tookMs: performance.now() - publishedAt, drained }
  }
}

export function newLogin(user: string, version: number): Login {
  return { user, password: randomBytes(18).toString('base64url'), version: String(version) }
}
