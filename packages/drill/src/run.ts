import { DrillError } from './error.ts'
import type { DrillEvent } from './events.ts'
import { Generations } from './generations.ts'
import { LeakWatch } from './leaks.ts'
import { withinLimit } from './limit.ts'
import { Load } from './load.ts'
import { limits, type Pace } from './pace.ts'
import { Pressure } from './pressure.ts'
import type { RunReport } from './report.ts'
import { newLogin, Rotations } from './rotations.ts'
import { oneServerOnly } from './scenarios/index.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { SessionCount } from './sessions.ts'
import { slowGoodbyes, type Between } from './slow-goodbyes.ts'
import { Store } from './store.ts'
import { Tally } from './tally.ts'
import type { Login, PoolKind, PoolUnderDrill, Target } from './targets/target.ts'

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
  readonly #tally: Tally
  readonly #rotations: Rotations
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
    const { max, rate, pace, scenario } = settings
    const { recipe } = scenario
    this.#target = target
    this.#kind = kind
    this.#settings = settings
    const store = new Store(login)
    const leaks = this.#leaks
    for (const secret of [...target.secrets, login.password]) leaks.guard(secret)
    const pool = target.openPool(kind, {
      ...{ max, spread: pace.spread, login },
      timings: scenario.timings,
      recipe: typeof recipe === 'object' ? recipe[target.topology ?? 'single'] : recipe,
      passwordAlone: scenario.passwordAlone,
      at: between && { host: between.host, port: between.port },
      load: (context) => {
        this.#storeRequests += 1
        return store.load(context)
      },
      onLogin: () => void (this.#logins += 1),
      onError: (error) => leaks.look(error),
    })
    const load: Load = new Load(pool.units, rate, {
      served: (account) => this.#tally.served(account),
      failed: (error, unit, begunMs) => this.#tally.failed(error, unit, begunMs),
    })
    const pressure = new Pressure(load, pool.units, settings)
    const state = (): string => this.#state()
    const tally = new Tally(login.user, { scenario, load, leaks, state })
    this.#rotations = new Rotations({
      ...{ target, kind, settings, pool, load, pressure, store, leaks, tally, state },
    })
    this.#pool = pool
    this.#load = load
    this.#pressure = pressure
    this.#tally = tally
    const rotations = this.#rotations
    const generations = new Generations({
      ...{ target, pool, passwordAlone: scenario.passwordAlone ?? false },
      newestOf: (account) => rotations.newestOf(account),
      rotationOf: (version) => rotations.rotationOf(version),
    })
    this.#sessions = new SessionCount(generations)
  }

  /** Runs the drill on one pool; afterwards no session of the accounts is left. */
  static async of(target: Target, kind: PoolKind, settings: RunSettings): Promise<RunReport> {
    const login = settings.first ?? newLogin(target.accounts[0], 1)
    await target.allow(login)
    // Node 22 knows no `using`.
    const between = await standBetween(target, settings)
    try {
      return await new Run(target, kind, settings, login, between).#run()
    } finally {
      await between?.[Symbol.asyncDispose]()
    }
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
      while (this.#tally.isDrained && this.#tally.rotation < rotations) {
        if (traffic === 'spanning') await this.#pressure.span()
        await this.#pressure.pause(pace.steady)
        await this.#rotations.rotate()
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

  /** Nothing can be said of a pool that is overrun before anything has happened to it. */
  async #checkKeepsUp(): Promise<void> {
    const { rate, max, pace, signal } = this.#settings
    const keepsUp = (): boolean =>
      this.#load.settled > 0 && this.#load.open.length <= rate / 2 + max
    // The callers of the warm-up may still be in the way; a machine that is busy elsewhere takes a while to serve them.
    if (await this.#load.until(keepsUp, pace.patience, limits.settleLimit, signal)) return
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

  #finalCounts(): Counts {
    const { started, settled, failed, open } = this.#load
    this.#tally.close(open)
    return { started, settled, failed, hung: open.length }
  }

  /** What the pool and the server say of its connections, in one line. */
  #state(): string {
    const sessions = [...this.#sessions.current].map(([user, count]) => `${count} of ${user}`)
    return `${this.#pool.state()}; sessions at the server: ${sessions.join(', ') || 'none'}`
  }

  async #end(): Promise<void> {
    const { pace, signal } = this.#settings
    if (await withinLimit(this.#pool.end(), pace.patience, signal)) return
    this.#tally.find('DRILL_NOT_ENDED', `The pool did not end (${this.#state()}).`)
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
    this.#settings.onEvent({
      ...{ type: 'progress', pool: this.#kind, phase, started, settled, failed },
      ...{ rotation: this.#tally.rotation, rotations: this.#settings.rotations },
      sessions: this.#sessions.current,
      ...{ atMs: elapsed, latencyMs: latency.takeRecent() },
      generations: this.#sessions.takeWidest(),
      ...{ logins: this.#logins, storeRequests: this.#storeRequests },
    })
  }

  #report(counts: Counts): RunReport {
    const { latency } = this.#load
    const { errors, ...cutOff } = this.#tally.result
    return {
      pool: this.#kind,
      rotations: this.#rotations.done,
      ...counts,
      errors,
      latencyMs: { steady: latency.summary('steady'), rotating: latency.summary('rotating') },
      peakSessions: this.#sessions.peak,
      maxSessions: this.#settings.max,
      oldSessionsAtEnd: this.#rotations.oldSessions,
      secretsLeaked: this.#leaks.found,
      ...cutOff,
    }
  }
}

/** Where the scenario has something between the pool and its server. @throws {DrillError} where that cannot be. */
async function standBetween(
  { server, wire }: Target,
  { scenario, pace, max }: RunSettings,
): Promise<Between | undefined> {
  if (scenario.goodbyes !== 'slow') return undefined
  if (wire === undefined) {
    throw new DrillError(`There is no ${scenario.name} on ${server}: ${oneServerOnly}.`)
  }
  if (wire.isPlain) return slowGoodbyes(wire, (2 * pace.spread) / max)
  throw new DrillError(
    `There is no ${scenario.name} on ${server} through TLS: the drill holds up what a pool says last, and cannot read it.`,
  )
}
