import { backoffDelay, type CredentialsCache, type Timer } from '@rekey/core'

// Of dials that failed before the server judged the credentials: nothing is locked by them, and a server comes back.
const dialBackoff = { first: 100, cap: 2_000, floor: 50 }

/** The time after a failed dial in which no caller's dial begins. generic-pool itself would try again at once, for ever. */
export class DialPause {
  readonly #cache: CredentialsCache
  readonly #over: () => void
  #failures = 0
  #until = 0
  #timer: Timer | undefined

  constructor(cache: CredentialsCache, over: () => void) {
    this.#cache = cache
    this.#over = over
  }

  get isOn(): boolean {
    return this.#cache.clock.now() < this.#until
  }

  /** A dial failed. Those that were under way beside it belong to the same step. */
  begin(someoneWaits: boolean): void {
    if (this.isOn) return
    const { clock, random } = this.#cache
    this.#failures += 1
    const delay = backoffDelay(this.#failures, dialBackoff, random)
    this.#until = clock.now() + delay
    this.#timer?.cancel()
    const end = (): void => {
      // A timer may be a little ahead of the clock.
      this.#until = 0
      this.#over()
    }
    this.#timer = clock.after(delay, end, { keepAlive: someoneWaits })
  }

  /** A dial succeeded, or what is left has to be tried now. */
  end(): void {
    const wasOn = this.isOn
    this.stop()
    this.#failures = 0
    if (wasOn) this.#over()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#until = 0
  }
}
