import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrillEvent } from './events.ts'
import { Failures, Finding } from './failures.ts'
import { LeakWatch } from './leaks.ts'
import { withinLimit } from './limit.ts'
import { Load } from './load.ts'
import type { RunReport } from './report.ts'
import { SessionCount } from './sessions.ts'
import type { Login, PoolKind, PoolUnderDrill, Target } from './targets/target.ts'

/** What a run is to do. */
export interface RunSettings {
  readonly rotations: number
  /** Starts per second. */
  readonly rate: number
  /** The pool's ceiling. */
  readonly max: number
  readonly signal: AbortSignal
  readonly onEvent: (event: DrillEvent) => void
}

/** Milliseconds. Chosen so that ten rotations of both pools fit into a minute. */
const pace = {
  /** Load before the first rotation that fills the pool and is not measured. */
  warmUp: 800,
  /** Quiet time before each rotation, and after the last. */
  steady: 400,
  /** Over which a pool may replace its connections. */
  spread: 900,
  /** How long a transaction and a stream that began before a rotation go on in it: longer than the spread. */
  held: 1_100,
  /** After which a rotation that did not end is given up, and the old credentials are revoked all the same. */
  drainLimit: 10_000,
  /** After the load: when nothing has settled for so long, what is left hangs. */
  patience: 5_000,
  /** After the load: what has not settled by then hangs, too. */
  settleLimit: 10_000,
} as const

/** The first rotation and every third one after it meets more callers than the pool has connections. */
const saturatedEvery = 3
const callersPerConnection = 3

/** One pool under load through all rotations. */
export class Run {
  readonly #target: Target
  readonly #kind: PoolKind
  readonly #settings: RunSettings
  readonly #pool: PoolUnderDrill
  readonly #load: Load
  readonly #sessions: SessionCount
  readonly #failures = new Failures()
  readonly #leaks = new LeakWatch()
  /** Units of work that each version served. */
  readonly #served: number[] = []
  #login: Login
  #rotation = 0
  #rotations = 0
  #oldSessions = 0

  /** Expects that `login` may log in. */
  private constructor(target: Target, kind: PoolKind, settings: RunSettings, login: Login) {
    this.#target = target
    this.#kind = kind
    this.#settings = settings
    this.#login = login
    for (const secret of [...target.secrets, login.password]) this.#leaks.guard(secret)
    this.#pool = target.openPool(kind, {
      max: settings.max,
      spread: pace.spread,
      load: () => this.#login,
      onError: (error) => this.#leaks.look(error),
    })
    this.#served.push(0)
    this.#load = new Load(this.#pool.units, settings.rate, {
      served: (account) => this.#countServed(account),
      failed: (error, unit) => this.#failed(error, unit),
    })
    this.#sessions = new SessionCount(target)
  }

  /** Runs the drill on one pool; afterwards no session of the accounts is left. */
  static async of(target: Target, kind: PoolKind, settings: RunSettings): Promise<RunReport> {
    const login = loginOf(target, 0)
    await target.allow(login)
    const run = new Run(target, kind, settings, login)
    return run.#run()
  }

  async #run(): Promise<RunReport> {
    const { rotations, onEvent } = this.#settings
    const progress = setInterval(() => this.#tellProgress(), 250)
    this.#leaks.start()
    try {
      onEvent({ type: 'began', pool: this.#kind, rotations })
      await this.#warmUp()
      while (this.#rotation < rotations) {
        await this.#pause(pace.steady)
        this.#rotation += 1
        await this.#rotate(loginOf(this.#target, this.#rotation))
      }
      await this.#pause(pace.steady)
      this.#load.stop()
      onEvent({ type: 'settling', pool: this.#kind, open: this.#load.open })
      await this.#load.settle(pace.patience, pace.settleLimit)
      const hung = this.#load.open
      await this.#end()
      await this.#sessions.stop()
      this.#findUnserved()
      const run = this.#report(hung)
      onEvent({ type: 'ended', run })
      return { ...run, secretsLeaked: this.#leaks.found }
    } finally {
      clearInterval(progress)
      await this.#cleanUp()
    }
  }

  async #warmUp(): Promise<void> {
    this.#load.phase = 'saturated'
    this.#load.start()
    const stop = this.#load.saturate(this.#settings.max)
    await this.#pause(pace.warmUp)
    await withinLimit(stop(), pace.patience, this.#settings.signal)
    this.#load.phase = 'steady'
  }

  /** From a new password for the account that is not in use, to the end of the old one's last session. */
  async #rotate(next: Login): Promise<void> {
    const old = this.#login.user
    await this.#beginSpanning()
    const isSaturated = this.#rotation % saturatedEvery === 1
    const relax = isSaturated ? await this.#saturate() : async () => {}

    this.#leaks.guard(next.password)
    await this.#target.allow(next)
    this.#login = next
    this.#served.push(0)
    this.#load.phase = isSaturated ? 'saturated' : 'rotating'
    const publishedAt = performance.now()
    const relaxed = relax()
    const drained = await this.#takeUp()
    const tookMs = performance.now() - publishedAt
    await relaxed
    this.#load.phase = 'steady'
    void this.#load.add('query', () => this.#pool.units.query())

    await this.#target.revoke(old)
    const left = (await this.#target.sessions()).get(old) ?? 0
    this.#oldSessions += left
    if (left > 0) await this.#target.kill(old)
    this.#rotations += 1
    const { settled, failed } = this.#load
    const { rotations, onEvent } = this.#settings
    onEvent({
      ...{ type: 'rotated', pool: this.#kind, rotation: this.#rotation, rotations },
      ...{ tookMs, drained, oldSessions: left, settled, failed },
    })
  }

  async #takeUp(): Promise<boolean> {
    try {
      const drained = await withinLimit(this.#pool.rotate(), pace.drainLimit, this.#settings.signal)
      if (drained) return true
      const message = `The pool still had older connections after ${pace.drainLimit} ms.`
      this.#failed(new Finding('DRILL_NOT_DRAINED', message), 'rotation')
    } catch (error) {
      this.#settings.signal.throwIfAborted()
      this.#failed(
        new Finding('DRILL_NOT_DRAINED', `The rotation failed: ${String(error)}`),
        'rotation',
      )
    }
    return false
  }

  /** Starts a transaction and a stream that go on until the hand-over is done, and waits until they hold their connections. */
  async #beginSpanning(): Promise<void> {
    const { units } = this.#pool
    const transaction = Promise.withResolvers<void>()
    const stream = Promise.withResolvers<void>()
    void this.#load.add('held transaction', () => units.hold(pace.held, transaction.resolve))
    void this.#load.add('stream', () => units.stream(pace.held, stream.resolve))
    // A small pool may not have room for both; they then begin when they can.
    const both = Promise.all([transaction.promise, stream.promise])
    await withinLimit(both, 1_000, this.#settings.signal)
  }

  /** Has callers queue before the rotation begins; what it returns goes on with it for half of the spread. */
  async #saturate(): Promise<() => Promise<void>> {
    const stop = this.#load.saturate(callersPerConnection * this.#settings.max)
    this.#load.phase = 'saturated'
    await this.#pause(50)
    return async () => {
      await this.#pause(pace.spread / 2)
      // Callers that hang do not come back.
      await withinLimit(stop(), 1_000, this.#settings.signal)
      this.#load.phase = 'rotating'
    }
  }

  #countServed(account: string): void {
    // Two accounts in turn: an account's newest version is the only one of its own that can still be in use.
    const newest = this.#served.length - 1
    const version = account === this.#login.user ? newest : newest - 1
    this.#served[version] = (this.#served[version] ?? 0) + 1
  }

  #findUnserved(): void {
    for (const [version, served] of this.#served.entries()) {
      if (served > 0) continue
      const message = 'A generation served no request.'
      const first = { unit: 'rotation', rotation: version, atMs: Math.round(this.#load.elapsed) }
      this.#failures.add(new Finding('DRILL_NOT_SERVED', message), first)
    }
  }

  #failed(error: unknown, unit: string): void {
    this.#leaks.look(error)
    const atMs = Math.round(this.#load.elapsed)
    this.#failures.add(error, { unit, rotation: this.#rotation, atMs })
  }

  async #end(): Promise<void> {
    if (await withinLimit(this.#pool.end(), pace.patience, this.#settings.signal)) return
    this.#failed(new Finding('DRILL_NOT_ENDED', 'The pool did not end.'), 'end')
  }

  async #cleanUp(): Promise<void> {
    this.#load.stop()
    this.#leaks.stop()
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

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#settings.signal })
  }

  #tellProgress(): void {
    const { started, settled, failed, phase } = this.#load
    this.#settings.onEvent({
      ...{ type: 'progress', pool: this.#kind, phase, started, settled, failed },
      ...{ rotation: this.#rotation, rotations: this.#settings.rotations },
      sessions: this.#sessions.current,
    })
  }

  #report(hung: number): RunReport {
    const { started, settled, failed, latency } = this.#load
    return {
      pool: this.#kind,
      rotations: this.#rotations,
      ...{ started, settled, failed, hung },
      errors: this.#failures.groups,
      latencyMs: { steady: latency.summary('steady'), rotating: latency.summary('rotating') },
      peakSessions: this.#sessions.peak,
      maxSessions: this.#settings.max,
      oldSessionsAtEnd: this.#oldSessions,
      secretsLeaked: this.#leaks.found,
    }
  }
}

function loginOf(target: Target, version: number): Login {
  const user = version % 2 === 0 ? target.accounts[0] : target.accounts[1]
  return { user, password: randomBytes(18).toString('base64url'), version: String(version + 1) }
}
