import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DrillError } from './error.ts'
import type { DrillEvent } from './events.ts'
import { Failures, Finding } from './failures.ts'
import { LeakWatch } from './leaks.ts'
import { withinLimit } from './limit.ts'
import { Load } from './load.ts'
import { limits, type Pace } from './pace.ts'
import { Pressure } from './pressure.ts'
import type { RunReport } from './report.ts'
import type { Act, Scenario } from './scenarios/scenario.ts'
import { SessionCount } from './sessions.ts'
import { slowGoodbyes, type Between } from './slow-goodbyes.ts'
import { Store } from './store.ts'
import type { Login, PoolKind, PoolUnderDrill, Target, UnitName } from './targets/target.ts'

/** What a run is to do. */
export interface RunSettings {
  readonly scenario: Scenario
  /** What the accounts begin with, where they are not the drill's own. */
  readonly first?: Login | undefined
  readonly rotations: number
  /** Starts per second. */
  readonly rate: number
  /** The pool's ceiling. */
  readonly max: number
  /** Milliseconds. */
  readonly drainLimit: number
  readonly pace: Pace
  readonly signal: AbortSignal
  readonly onEvent: (event: DrillEvent) => void
}

/** How a pool took up what was published. */
interface TakenUp {
  readonly tookMs: number
  readonly drained: boolean
}

/** Milliseconds from the end of an account's sessions until their requests have failed. */
const afterCutOff = 50

type Counts = Pick<RunReport, 'started' | 'settled' | 'failed' | 'hung'>

/** One pool under load through all rotations. */
export class Run {
  readonly #target: Target
  readonly #kind: PoolKind
  readonly #settings: RunSettings
  readonly #pool: PoolUnderDrill
  readonly #load: Load
  readonly #pressure: Pressure
  readonly #sessions: SessionCount
  readonly #leaks = new LeakWatch()
  readonly #failures = new Failures((text) => this.#leaks.redact(text))
  /** When each rotation began, in milliseconds since the load did. */
  readonly #began: number[] = []
  /** Units of work that were served with what each rotation brought, the first with what there was before. */
  readonly #served: number[] = []
  readonly #store: Store
  /** How many credentials there have been. */
  #versions = 1
  /** The rotation that brought the newest credentials of each account. */
  readonly #newest = new Map<string, number>()
  #rotation = 0
  /** The rotation in which the store began to hand out what it does. */
  #published = 0
  #rotations = 0
  /** Whether the pool has said that it is drained, in the rotation that is under way or in the last one. */
  #isDrained = true
  /** Sessions that were open when the store began to hand out what it does. */
  #before: ReadonlyMap<string, string> = new Map()
  #oldSessions = 0
  /** When the sessions of an account, or of all, were ended last, in milliseconds since the load began. */
  #cutOffAt: number | undefined
  #unavoidable = 0
  #counting = true
  #logins = 0
  #storeRequests = 0

  /** Expects that `login` may log in. */
  private constructor(
    target: Target,
    kind: PoolKind,
    settings: RunSettings,
    login: Login,
    between: Between | undefined,
  ) {
    this.#target = target
    this.#kind = kind
    this.#settings = settings
    this.#store = new Store(login)
    for (const secret of [...target.secrets, login.password]) this.#leaks.guard(secret)
    this.#pool = target.openPool(kind, {
      max: settings.max,
      spread: settings.pace.spread,
      timings: settings.scenario.timings,
      recipe: settings.scenario.recipe,
      passwordAlone: settings.scenario.passwordAlone,
      at: between && { host: between.host, port: between.port },
      login,
      load: (context) => {
        this.#storeRequests += 1
        return this.#store.load(context)
      },
      onLogin: () => void (this.#logins += 1),
      onError: (error) => this.#leaks.look(error),
    })
    this.#served.push(0)
    this.#newest.set(login.user, 0)
    this.#load = new Load(this.#pool.units, settings.rate, {
      served: (account) => this.#countServed(account),
      failed: (error, unit, begunMs) => this.#failed(error, unit, begunMs),
    })
    this.#pressure = new Pressure(this.#load, this.#pool.units, settings)
    this.#sessions = new SessionCount(target)
  }

  /** Runs the drill on one pool; afterwards no session of the accounts is left. */
  static async of(target: Target, kind: PoolKind, settings: RunSettings): Promise<RunReport> {
    const login = settings.first ?? newLogin(target.accounts[0], 1)
    await target.allow(login)
    await using between = await standBetween(target, settings)
    const run = new Run(target, kind, settings, login, between)
    return await run.#run()
  }

  async #run(): Promise<RunReport> {
    const { rotations, max, onEvent, pace } = this.#settings
    const { traffic = 'spanning' } = this.#settings.scenario
    const progress = setInterval(() => this.#tellProgress(), limits.progress)
    this.#leaks.start()
    try {
      onEvent({ type: 'began', pool: this.#kind, rotations, max })
      this.#load.start()
      await this.#pressure.warmUp()
      await this.#checkKeepsUp()
      if (traffic === 'none') await this.#pressure.quiet()
      while (this.#isDrained && this.#rotation < rotations) {
        if (traffic === 'spanning') await this.#pressure.span()
        await this.#pressure.pause(pace.steady)
        await this.#rotate()
      }
      await this.#pressure.pause(pace.steady)
      this.#load.stop()
      const [open, atMs] = [this.#load.open.length, this.#load.elapsed]
      onEvent({ type: 'settling', pool: this.#kind, open, atMs })
      await this.#load.settle(pace.patience, limits.settleLimit)
      this.#tellProgress()
      const counts = this.#finalCounts()
      await this.#end()
      await this.#sessions.stop()
      await this.#cleanUp()
      const run = this.#report(counts)
      onEvent({ type: 'ended', run })
      return run
    } catch (error) {
      // What goes wrong from here on says less than what went wrong first.
      await this.#cleanUp().catch(() => {})
      throw error
    } finally {
      clearInterval(progress)
      this.#leaks.stop()
    }
  }

  /** From new credentials, in the way of the scenario, to the end of the last session with the old ones. */
  async #rotate(): Promise<void> {
    const { rotations, onEvent } = this.#settings
    const old = this.#store.login
    this.#rotation += 1
    this.#isDrained = false
    this.#served.push(0)
    const which = { pool: this.#kind, rotation: this.#rotation }
    const beganAt = this.#load.elapsed
    this.#began.push(beganAt)
    onEvent({ type: 'rotating', ...which, atMs: beganAt })
    const taken: TakenUp[] = []
    try {
      await this.#settings.scenario.rotate(this.#act(old, taken))
    } catch (error) {
      if (!(error instanceof Finding)) throw error
      this.#find(error.code, error.message)
      return
    }
    this.#isDrained = taken.every(({ drained }) => drained)
    const atMs = this.#load.elapsed
    this.#load.phase = 'steady'
    void this.#load.add('query', () => this.#pool.units.query())

    await this.#retire(old)
    const left = await this.#countOld()
    this.#oldSessions += left
    if (left > 0) await this.#killOthers()
    this.#rotations += 1
    const { settled, failed } = this.#load
    onEvent({
      ...{ type: 'rotated', ...which, rotations, atMs },
      tookMs: Math.max(0, ...taken.map(({ tookMs }) => tookMs)),
      ...{ drained: this.#isDrained, oldSessions: left, settled, failed },
    })
  }

  #act(old: Login, taken: TakenUp[]): Act {
    const target = this.#target
    return {
      ...{ old, rotation: this.#rotation, pace: this.#settings.pace },
      ...{ store: this.#store, load: this.#load, pressure: this.#pressure },
      next: () => this.#next(),
      allow: (login) => this.#allow(login, old),
      publish: async (login) => {
        this.#before = await target.sessionAccounts()
        this.#store.publish(login)
        this.#published = this.#rotation
        this.#newest.set(login.user, this.#rotation)
        if (this.#load.phase === 'steady') this.#load.phase = 'rotating'
      },
      takeUp: async (how) => {
        const one = await this.#takeUp(how)
        taken.push(one)
        return one.drained
      },
      refuse: ({ user }) => target.revoke(user),
      disconnect: ({ user }) => target.kill(user),
      cutOff: ({ user }) =>
        this.#interrupt(async () => {
          await target.revoke(user)
          await target.kill(user)
        }),
      restart: () => this.#interrupt(async () => target.restart?.()),
    }
  }

  /** New credentials, that nobody else knows yet. */
  #next(): Login {
    const { succession = 'two-accounts' } = this.#settings.scenario
    const { user } = this.#store.login
    const other = this.#target.accounts.find((account) => account !== user) ?? user
    this.#versions += 1
    const login = newLogin(succession === 'two-accounts' ? other : user, this.#versions)
    this.#leaks.guard(login.password)
    return login
  }

  async #allow(login: Login, old: Login): Promise<void> {
    const target = this.#target
    const { succession, name } = this.#settings.scenario
    if (succession !== 'two-passwords') return target.allow(login)
    if (target.two === undefined) throw new DrillError(`${target.server} cannot do ${name}.`)
    await target.two.add(login, old)
  }

  /** What logged in before does so no more; its open sessions live on. */
  async #retire(old: Login): Promise<void> {
    const { succession = 'two-accounts' } = this.#settings.scenario
    const { login } = this.#store
    if (succession === 'two-passwords') await this.#target.two?.discard(login, old)
    if (succession !== 'two-accounts') return
    for (const account of this.#target.accounts) {
      if (account !== login.user) await this.#target.revoke(account)
    }
  }

  /** Sessions that are of another account than the newest, or, where they cannot log in anew, have been there before. */
  async #countOld(): Promise<number> {
    const { user } = this.#store.login
    const isOld = ([session, account]: [string, string]): boolean =>
      account !== user || (!this.#target.renews && this.#before.has(session))
    return [...(await this.#target.sessionAccounts())].filter(isOld).length
  }

  async #killOthers(): Promise<void> {
    for (const account of this.#target.accounts) {
      if (account !== this.#store.login.user) await this.#target.kill(account)
    }
  }

  /** What is under way until it is done is lost, and no pool can help it. */
  async #interrupt(work: () => Promise<void>): Promise<void> {
    this.#cutOffAt = Infinity
    await work()
    // The server's last words to those sessions are there already; they are read with the next.
    await sleep(afterCutOff)
    this.#cutOffAt = this.#load.elapsed
  }

  /** Lets the pool take up what is published, and says how long that took, and whether it ended. */
  async #takeUp(how: { readonly urgent?: boolean } = {}): Promise<TakenUp> {
    const { signal, drainLimit } = this.#settings
    const publishedAt = performance.now()
    let drained = false
    let trouble: string | undefined
    try {
      drained = await withinLimit(this.#pool.rotate(how), drainLimit, signal)
    } catch (error) {
      signal.throwIfAborted()
      trouble = `The rotation failed: ${String(error)}`
    }
    if (!drained) {
      trouble ??= `The pool was not drained after ${drainLimit} ms (${this.#state()}).`
      this.#find('DRILL_NOT_DRAINED', trouble)
    }
    return { tookMs: performance.now() - publishedAt, drained }
  }

  #countServed(account: string): void {
    const { succession = 'two-accounts' } = this.#settings.scenario
    // Of two accounts, the newest has served who says its name. Of one nobody can tell until nothing else is left.
    const isKnown = succession === 'two-accounts' && account !== ''
    const isNewest = isKnown ? account === this.#store.login.user : this.#isDrained
    const newest = isKnown ? this.#published : this.#rotation
    const rotation = isNewest ? newest : newest - 1
    this.#served[rotation] = (this.#served[rotation] ?? 0) + 1
  }

  /** What is under way now hangs; what becomes of it when the pool ends is not counted any more. */
  #finalCounts(): Counts {
    this.#counting = false
    const { started, settled, failed, open } = this.#load
    for (const { unit, atMs } of open) {
      this.#find('DRILL_HUNG', 'A request did not come to an end.', unit, atMs)
    }
    for (const [rotation, served] of this.#served.entries()) {
      if (served > 0) continue
      this.#find('DRILL_NOT_SERVED', `The generation of rotation ${rotation} served no request.`)
    }
    return { started, settled, failed, hung: open.length }
  }

  #failed(error: unknown, unit: UnitName, begunMs: number): void {
    this.#leaks.look(error)
    if (!this.#counting) return
    const atMs = Math.round(this.#load.elapsed)
    const pool = this.#state()
    this.#failures.add(error, { unit, rotation: this.#rotation, atMs, pool })
    if (this.#cutOffAt !== undefined && begunMs < this.#cutOffAt) this.#unavoidable += 1
  }

  #find(
    code: Finding['code'],
    message: string,
    unit = 'rotation',
    atMs = this.#load.elapsed,
  ): void {
    const rotation = this.#began.filter((began) => began <= atMs).length
    const first = { unit, rotation, atMs: Math.round(atMs) }
    this.#failures.add(new Finding(code, message), first)
  }

  /** Nothing can be said of a pool that is overrun before anything has happened to it. */
  async #checkKeepsUp(): Promise<void> {
    const { rate, max } = this.#settings
    const keepsUp = (): boolean =>
      this.#load.settled > 0 && this.#load.open.length <= rate / 2 + max
    // The callers of the warm-up may still be in the way.
    const deadline = performance.now() + this.#settings.pace.patience
    while (!keepsUp() && performance.now() < deadline) await this.#pressure.pause(20)
    if (keepsUp()) return
    const waiting = this.#load.open.length
    if (this.#load.settled === 0) {
      throw new DrillError(
        `Of ${waiting} requests none has come to an end before the first rotation (${this.#state()}). ` +
          'The pool gets no connection, or the work does not settle.',
      )
    }
    throw new DrillError(
      `This machine or the server does not keep up with ${rate} requests per second: ${waiting} are waiting ` +
        'before the first rotation. Take a lower rate.',
    )
  }

  /** What the pool and the server say of its connections, in one line. */
  #state(): string {
    const sessions = [...this.#sessions.current].map(([user, count]) => `${count} of ${user}`)
    return `${this.#pool.state()}; sessions at the server: ${sessions.join(', ') || 'none'}`
  }

  async #end(): Promise<void> {
    if (await withinLimit(this.#pool.end(), this.#settings.pace.patience, this.#settings.signal))
      return
    this.#find('DRILL_NOT_ENDED', `The pool did not end (${this.#state()}).`)
  }

  async #cleanUp(): Promise<void> {
    this.#load.stop()
    await this.#sessions.stop().catch(() => {})
    // What still holds a connection loses it here, and can settle.
    for (const account of this.#target.accounts) {
      await this.#target.revoke(account)
      await this.#target.kill(account)
    }
    await withinLimit(
      this.#pool.end().catch(() => {}),
      1_000,
    )
  }

  #tellProgress(): void {
    const { started, settled, failed, phase, latency, elapsed } = this.#load
    const widest = [...this.#sessions.takeWidest()]
    this.#settings.onEvent({
      ...{ type: 'progress', pool: this.#kind, phase, started, settled, failed },
      ...{ rotation: this.#rotation, rotations: this.#settings.rotations },
      sessions: this.#sessions.current,
      ...{ atMs: elapsed, latencyMs: latency.takeRecent() },
      generations: new Map(widest.map(([user, count]) => [this.#newest.get(user) ?? 0, count])),
      ...{ logins: this.#logins, storeRequests: this.#storeRequests },
    })
  }

  #report(counts: Counts): RunReport {
    const { latency } = this.#load
    return {
      pool: this.#kind,
      rotations: this.#rotations,
      ...counts,
      errors: this.#failures.groups,
      latencyMs: { steady: latency.summary('steady'), rotating: latency.summary('rotating') },
      peakSessions: this.#sessions.peak,
      maxSessions: this.#settings.max,
      oldSessionsAtEnd: this.#oldSessions,
      secretsLeaked: this.#leaks.found,
      ...(this.#cutOffAt !== undefined && { unavoidable: this.#unavoidable }),
    }
  }
}

function newLogin(user: string, version: number): Login {
  return { user, password: randomBytes(18).toString('base64url'), version: String(version) }
}

/** Where the scenario has something between the pool and its server. @throws {DrillError} where that cannot be. */
async function standBetween(
  { server, wire }: Target,
  { scenario, pace, max }: RunSettings,
): Promise<Between | undefined> {
  if (scenario.goodbyes !== 'slow') return undefined
  if (wire?.isPlain) return slowGoodbyes(wire, (2 * pace.spread) / max)
  throw new DrillError(
    `There is no ${scenario.name} on ${server} through TLS: the drill holds up what a pool says last, and cannot read it.`,
  )
}
