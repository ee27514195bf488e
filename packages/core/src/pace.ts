import type { Clock } from './clock.ts'
import {
  backoffDelay,
  loginBackoff,
  nextReplacement,
  paceFrom,
  paceOfTurns,
  turnsFrom,
  type Random,
  type Replacements,
  type Turns,
} from './schedule.ts'

/** When a pool may touch its next connection: spread over the window, at once where it is urgent, later after a failure. */
export class Pace {
  readonly #clock: Clock
  readonly #random: Random
  #isUrgent = false
  #replacements: Replacements = { lastAt: 0, spreadEnd: 0 }
  #turns: Turns | undefined
  #failures = 0
  #notBefore = 0

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** From now until {@link end} everything goes as fast as it can. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  /** Nothing is opened before. */
  get notBefore(): number {
    return this.#notBefore
  }

  /** When it is this pool's turn to prove the newest version. */
  get turnAt(): number {
    return this.#turns?.firstAt ?? 0
  }

  /** A version has come: by a push, of which all pools hear at one moment, or not. At `most` so many connections go over. */
  versionCame(isPushed: boolean, spread: number, most: number): void {
    const isPaced = isPushed && !this.#isUrgent
    const now = this.#clock.now()
    this.#turns = isPaced ? turnsFrom(now, spread, most, this.#random) : undefined
  }

  /** It is proven: `old` connections go over within what is left of `spread`, with which this answers. */
  begin(spread: number, old: number): number {
    const now = this.#clock.now()
    if (this.#turns === undefined) {
      this.#replacements = paceFrom(now, spread, old, this.#random)
      return spread
    }
    this.#replacements = paceOfTurns(now, spread, this.#turns)
    return this.#replacements.spreadEnd - now
  }

  hurry(): void {
    this.#isUrgent = true
    const { lastAt, spreadEnd } = this.#replacements
    this.#replacements = { lastAt, spreadEnd: Math.min(spreadEnd, this.#clock.now()) }
  }

  end(): void {
    this.#isUrgent = false
  }

  /** One's turn was now. */
  moved(): void {
    this.#replacements = { ...this.#replacements, lastAt: this.#clock.now() }
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures += 1
    const wait = backoffDelay(this.#failures, loginBackoff, this.#random)
    this.#notBefore = this.#clock.now() + wait
  }

  /** When the next of `old` connections is due. */
  dueAt(old: number): number {
    const { lastAt, spreadEnd } = this.#replacements
    return Math.max(this.#notBefore, nextReplacement(lastAt, spreadEnd, old))
  }
}
