import { randomBytes } from 'node:crypto'
import { DrillError } from './error.ts'
import type { DrillEvent } from './events.ts'
import { Failures, Finding } from './failures.ts'
import { LeakWatch } from './leaks.ts'
import { withinLimit } from './limit.ts'
import { Load } from './load.ts'
import { pace } from './pace.ts'
import { Pressure } from './pressure.ts'
import type { RunReport } from './report.ts'
import { SessionCount } from './sessions.ts'
import type { Login, PoolKind, PoolUnderDrill, Target, UnitName } from './targets/target.ts'

/** What a run is to do. */
export interface RunSettings {
  readonly rotations: number
  /** Starts per second. */
  readonly rate: number
  /** The pool's ceiling. */
  readonly max: number
  /** Milliseconds. */
  readonly drainLimit: number
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
  readonly #failures = new Failures((text) => this.#leaks.redact(text))
  /** When each rotation began, in milliseconds since the load did. */
  readonly #began: number[] = []
  /** Units of work that each version served. */
  readonly #served: number[] = []
  /** The newest version of each account. */
  readonly #versions = new Map<string, number>()
  #login: Login
  #rotation = 0
  #rotations = 0
  #oldSessions = 0
  #counting = true
  #logins = 0
  #storeRequests = 0

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
      load: () => {
        this.#storeRequests += 1
        return this.#login
      },
      onLogin: () => void (this.#logins += 1),
      onError: (error) => this.#leaks.look(error),
    })
    this.#served.push(0)
    this.#versions.set(login.user, 0)
    this.#load = new Load(this.#pool.units, settings.rate, {
      served: (account) => this.#countServed(account),
      failed: (error, unit) => this.#failed(error, unit),
    })
    this.#pressure = new Pressure(this.#load, this.#pool.units, settings.max, settings.signal)
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
    const { rotations, max, onEvent } = this.#settings
    const progress = setInterval(() => this.#tellProgress(), pace.progress)
    this.#leaks.start()
    try {
      onEvent({ type: 'began', pool: this.#kind, rotations, max })
      this.#load.start()
      await this.#pressure.warmUp()
      this.#checkKeepsUp()
      let drained = true
      while (drained && this.#rotation < rotations) {
        await this.#pressure.span()
        await this.#pressure.pause(pace.steady)
        this.#rotation += 1
        drained = await this.#rotate(loginOf(this.#target, this.#rotation))
      }
      await this.#pressure.pause(pace.steady)
      this.#load.stop()
      const [open, atMs] = [this.#load.open.length, this.#load.elapsed]
      onEvent({ type: 'settling', pool: this.#kind, open, atMs })
      await this.#load.settle(pace.patience, pace.settleLimit)
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

  /**
   * From a new password for the account that is not in use, to the end of the old one's last session. Says whether the
   * pool was drained.
   */
  async #rotate(next: Login): Promise<boolean> {
    const old = this.#login.user
    this.#began.push(this.#load.elapsed)
    const relax = await this.#pressure.saturate(this.#rotation)

    const { rotations, onEvent } = this.#settings
    const which = { pool: this.#kind, rotation: this.#rotation }
    onEvent({ type: 'rotating', ...which, atMs: this.#load.elapsed })
    this.#leaks.guard(next.password)
    await this.#target.allow(next)
    this.#login = next
    this.#versions.set(next.user, this.#rotation)
    this.#served.push(0)
    const [takenUp] = await Promise.all([this.#takeUp(), relax()])
    const atMs = this.#load.elapsed
    this.#load.phase = 'steady'
    void this.#load.add('query', () => this.#pool.units.query())

    await this.#target.revoke(old)
    const left = (await this.#target.sessions()).get(old) ?? 0
    this.#oldSessions += left
    if (left > 0) await this.#target.kill(old)
    this.#rotations += 1
    const { settled, failed } = this.#load
    onEvent({
      ...{ type: 'rotated', ...which, rotations, atMs },
      ...takenUp,
      ...{ oldSessions: left, settled, failed },
    })
    return takenUp.drained
  }

  /** Lets the pool take up what is published, and says how long that took, and whether it ended. */
  async #takeUp(): Promise<{ tookMs: number; drained: boolean }> {
    const { signal, drainLimit } = this.#settings
    const publishedAt = performance.now()
    let drained = false
    let trouble: string | undefined
    try {
      drained = await withinLimit(this.#pool.rotate(), drainLimit, signal)
    } catch (error) {
      signal.throwIfAborted()
      trouble = `The rotation failed: ${String(error)}`
    }
    if (!drained) {
      trouble ??= `The pool was not drained after ${drainLimit} ms (${this.#pool.state()}).`
      this.#find('DRILL_NOT_DRAINED', trouble)
    }
    return { tookMs: performance.now() - publishedAt, drained }
  }

  #countServed(account: string): void {
    // Two accounts in turn: an account's newest version is the only one of its own that can still be in use.
    const newest = this.#served.length - 1
    const version = account === this.#login.user ? newest : newest - 1
    this.#served[version] = (this.#served[version] ?? 0) + 1
  }

  /** What is under way now hangs; what becomes of it when the pool ends is not counted any more. */
  #finalCounts(): Counts {
    this.#counting = false
    const { started, settled, failed, open } = this.#load
    for (const { unit, atMs } of open) {
      this.#find('DRILL_HUNG', 'A request did not come to an end.', unit, atMs)
    }
    for (const [version, served] of this.#served.entries()) {
      if (served > 0) continue
      this.#find('DRILL_NOT_SERVED', `The generation of rotation ${version} served no request.`)
    }
    return { started, settled, failed, hung: open.length }
  }

  #failed(error: unknown, unit: UnitName): void {
    this.#leaks.look(error)
    if (!this.#counting) return
    const atMs = Math.round(this.#load.elapsed)
    this.#failures.add(error, { unit, rotation: this.#rotation, atMs })
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
  #checkKeepsUp(): void {
    const { rate, max } = this.#settings
    const waiting = this.#load.open.length
    if (waiting <= rate / 2 + max) return
    throw new DrillError(
      `This machine or the server does not keep up with ${rate} requests per second: ${waiting} are waiting ` +
        'before the first rotation. Take a lower rate.',
    )
  }

  async #end(): Promise<void> {
    if (await withinLimit(this.#pool.end(), pace.patience, this.#settings.signal)) return
    this.#find('DRILL_NOT_ENDED', `The pool did not end (${this.#pool.state()}).`)
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
      generations: new Map(widest.map(([user, count]) => [this.#versions.get(user) ?? 0, count])),
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
    }
  }
}

function loginOf(target: Target, version: number): Login {
  const user = version % 2 === 0 ? target.accounts[0] : target.accounts[1]
  return { user, password: randomBytes(18).toString('base64url'), version: String(version + 1) }
}
