import { Failures, Finding } from './failures.ts'
import type { LeakWatch } from './leaks.ts'
import type { Load, LoadObserver, OpenUnit } from './load.ts'
import type { RunReport } from './report.ts'
import type { Scenario } from './scenarios/scenario.ts'
import type { UnitName } from './targets/target.ts'

/** What has to be known for each failure. */
export interface TallyContext {
  readonly scenario: Scenario
  readonly load: Pick<Load, 'elapsed'>
  readonly leaks: LeakWatch
  /** What the pool and the server say of its connections, in one line. */
  readonly state: () => string
}

/** What became of the units of work of a run, rotation by rotation, and what else was found to be wrong. */
export class Tally implements LoadObserver {
  readonly #context: TallyContext
  readonly #failures: Failures
  /** When each rotation began, in milliseconds since the load did. */
  readonly #began: number[] = []
  /** Units of work that were served with what each rotation brought, the first with what there was before. */
  readonly #served: number[] = [0]
  /** The account of what the store hands out. */
  #newest: string
  /** The rotation in which the store began to hand it out. */
  #published = 0
  /** Whether the pool has said that it is drained, in the rotation that is under way or in the last one. */
  #isDrained = true
  /** When the sessions of an account, or of all, were ended last, in milliseconds since the load began. */
  #cutOffAt: number | undefined
  #unavoidable = 0
  #counting = true

  /** `account`: what the pool is opened with. */
  constructor(account: string, context: TallyContext) {
    this.#newest = account
    this.#context = context
    this.#failures = new Failures((text) => context.leaks.redact(text))
  }

  /** The rotation that is under way, or the last one; 0 before the first. */
  get rotation(): number {
    return this.#began.length
  }

  get isDrained(): boolean {
    return this.#isDrained
  }

  get result(): Pick<RunReport, 'errors' | 'unavoidable'> {
    return {
      errors: this.#failures.groups,
      ...(this.#cutOffAt !== undefined && { unavoidable: this.#unavoidable }),
    }
  }

  /** A rotation begins. */
  begin(atMs: number): void {
    this.#isDrained = false
    this.#began.push(atMs)
    this.#served.push(0)
  }

  /** The store hands out credentials of this account. */
  publish(account: string): void {
    this.#newest = account
    this.#published = this.rotation
  }

  /** The pool has taken up what the store hands out, and says that nothing else is left. */
  drain(): void {
    this.#isDrained = true
  }

  /** What begins before this work is done is lost, and no pool can help it. */
  async cutOff(work: () => Promise<void>): Promise<void> {
    this.#cutOffAt = Infinity
    await work()
    this.#cutOffAt = this.#context.load.elapsed
  }

  served(account: string): void {
    const { succession = 'two-accounts' } = this.#context.scenario
    // Of two accounts, the newest has served who says its name. Of one nobody can tell until nothing else is left.
    const isKnown = succession === 'two-accounts' && account !== ''
    const isNewest = isKnown ? account === this.#newest : this.#isDrained
    const newest = isKnown ? this.#published : this.rotation
    const rotation = isNewest ? newest : newest - 1
    this.#served[rotation] = (this.#served[rotation] ?? 0) + 1
  }

  failed(error: unknown, unit: UnitName, begunMs: number): void {
    const { leaks, load, state } = this.#context
    leaks.look(error)
    if (!this.#counting) return
    const atMs = Math.round(load.elapsed)
    this.#failures.add(error, { unit, rotation: this.rotation, atMs, pool: state() })
    if (this.#cutOffAt !== undefined && begunMs < this.#cutOffAt) this.#unavoidable += 1
  }

  find(
    code: Finding['code'],
    message: string,
    unit = 'rotation',
    atMs: number = this.#context.load.elapsed,
  ): void {
    const rotation = this.#began.filter((began) => began <= atMs).length
    const first = { unit, rotation, atMs: Math.round(atMs) }
    this.#failures.add(new Finding(code, message), first)
  }

  /** What is open now hangs; what becomes of it when the pool ends is not counted any more. */
  close(open: readonly OpenUnit[]): void {
    this.#counting = false
    for (const { unit, atMs } of open) {
      this.find('DRILL_HUNG', 'A request did not come to an end.', unit, atMs)
    }
    for (const [rotation, served] of this.#served.entries()) {
      if (served > 0) continue
      this.find('DRILL_NOT_SERVED', `The generation of rotation ${rotation} served no request.`)
    }
  }
}
